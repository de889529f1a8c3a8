//! Options, results, tuples, lists, arrays and maps.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hash},
};

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch, root};
use crate::{
    bindings::{Description, Type},
    error::Error,
    ffi::{Lock, Root, Val},
};

/// `t option`
impl<T: OcamlType> OcamlType for Option<T> {
    fn ocaml_type(description: &mut Description) -> Type {
        T::ocaml_type(description).applied("option")
    }
}

impl<T: FromOcaml> FromOcaml for Option<T> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        if value.as_int() == Some(0) {
            return Ok(None);
        }
        let content = field(value, 0, 0, "option")?;
        T::from_ocaml(content).map(Some)
    }
}

impl<T: IntoOcaml> IntoOcaml for Option<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        match self {
            None => Ok(Val::UNIT),
            Some(content) => {
                let content = root(content, lock)?;
                Ok(lock.block(0, &[&content]))
            }
        }
    }
}

/// `(t, e) result`
impl<T: OcamlType, E: OcamlType> OcamlType for Result<T, E> {
    fn ocaml_type(description: &mut Description) -> Type {
        let value = T::ocaml_type(description);
        let error = E::ocaml_type(description);
        Type::result(value, error)
    }
}

impl<T: FromOcaml, E: FromOcaml> FromOcaml for Result<T, E> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.tag() {
            Some(0) => T::from_ocaml(field(value, 0, 0, "result")?).map(Ok),
            _ => E::from_ocaml(field(value, 1, 0, "result")?).map(Err),
        }
    }
}

impl<T: IntoOcaml, E: IntoOcaml> IntoOcaml for Result<T, E> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let (tag, content) = match self {
            Ok(value) => (0, root(value, lock)?),
            Err(error) => (1, root(error, lock)?),
        };
        Ok(lock.block(tag, &[&content]))
    }
}

fn field<'l>(value: Val<'l>, tag: u8, index: usize, what: &str) -> Result<Val<'l>, Error> {
    match value.tag() {
        Some(found) if found == tag => value.field(index).ok_or_else(|| mismatch(what)),
        Some(_) | None => Err(mismatch(what)),
    }
}

macro_rules! tuples {
    ($( ($($field:ident $index:tt),*) )*) => { $(
        /// A tuple
        impl<$($field: OcamlType),*> OcamlType for ($($field,)*) {
            fn ocaml_type(description: &mut Description) -> Type {
                Type::tuple(vec![$($field::ocaml_type(description)),*])
            }
        }

        impl<$($field: FromOcaml),*> FromOcaml for ($($field,)*) {
            fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                Ok(($($field::from_ocaml(field(value, 0, $index, "a tuple")?)?,)*))
            }
        }

        impl<$($field: IntoOcaml),*> IntoOcaml for ($($field,)*) {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                let fields = [$(root(self.$index, lock)?),*];
                Ok(lock.block(0, &fields.each_ref()))
            }
        }
    )* };
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// `t list`; of `u8`, `string`
impl<T: OcamlType> OcamlType for Vec<T> {
    fn ocaml_type(description: &mut Description) -> Type {
        T::vec_type(description)
    }
}

impl<T: FromOcaml> FromOcaml for Vec<T> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        T::vec_from_ocaml(value)
    }
}

impl<T: IntoOcaml> IntoOcaml for Vec<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::vec_into_ocaml(self, lock)
    }
}

pub(super) fn read_list<T: FromOcaml, C: FromIterator<T>>(value: Val<'_>) -> Result<C, Error> {
    let mut rest = value;
    std::iter::from_fn(|| {
        if rest.as_int() == Some(0) {
            return None;
        }
        let cell = rest;
        // A value of another type ends here.
        rest = Val::UNIT;
        Some(field(cell, 0, 1, "list").and_then(|tail| {
            rest = tail;
            T::from_ocaml(field(cell, 0, 0, "list")?)
        }))
    })
    .collect()
}

pub(super) fn write_list<T: IntoOcaml>(
    elements: impl DoubleEndedIterator<Item = T>,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    let mut list = Root::UNIT;
    for element in elements.rev() {
        let element = root(element, lock)?;
        list = Root::new(lock.block(0, &[&element, &list]));
    }
    Ok(list.get(lock))
}

/// `t array`; of `u8`, `bytes`
impl<T: OcamlType> OcamlType for Box<[T]> {
    fn ocaml_type(description: &mut Description) -> Type {
        T::slice_type(description)
    }
}

impl<T: FromOcaml> FromOcaml for Box<[T]> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        T::slice_from_ocaml(value)
    }
}

impl<T: IntoOcaml> IntoOcaml for Box<[T]> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::slice_into_ocaml(self, lock)
    }
}

/// `t array` of that length; of `u8`, `bytes`
impl<T: OcamlType, const N: usize> OcamlType for [T; N] {
    fn ocaml_type(description: &mut Description) -> Type {
        T::slice_type(description)
    }
}

impl<T: FromOcaml, const N: usize> FromOcaml for [T; N] {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let elements = T::slice_from_ocaml(value)?.into_vec();
        let length = elements.len();
        elements.try_into().map_err(|_| {
            Error::message(format!(
                "an array has {length} elements and should have {N}"
            ))
        })
    }
}

impl<T: IntoOcaml, const N: usize> IntoOcaml for [T; N] {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::slice_into_ocaml(Box::new(self), lock)
    }
}

pub(super) fn read_array<T: FromOcaml>(value: Val<'_>) -> Result<Box<[T]>, Error> {
    if let Some(floats) = value.floats() {
        return floats.map(T::from_float).collect();
    }
    if value.tag() != Some(0) {
        return Err(mismatch("array"));
    }
    (0..value.size())
        .map(|index| T::from_ocaml(field(value, 0, index, "array")?))
        .collect()
}

pub(super) fn write_array<T: IntoOcaml>(
    mut elements: impl ExactSizeIterator<Item = T>,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    let length = elements.len();
    let Some(first) = elements.next() else {
        return Ok(lock.empty_array());
    };
    let first = root(first, lock)?;
    // An array whose first element is a float has nothing but floats.
    let array = match first.get(lock).as_float() {
        Some(float) => {
            let array = Root::new(lock.float_array(length)?);
            lock.store_float(&array, 0, float);
            array
        }
        None => {
            let array = Root::new(lock.array(length)?);
            lock.store(&array, 0, &first);
            array
        }
    };
    let is_flat = array.get(lock).floats().is_some();
    for (index, element) in (1..).zip(elements) {
        if is_flat {
            let value = element.into_ocaml(lock)?;
            let float = value.as_float().ok_or_else(|| mismatch("float"))?;
            lock.store_float(&array, index, float);
        } else {
            let element = root(element, lock)?;
            lock.store(&array, index, &element);
        }
    }
    Ok(array.get(lock))
}

fn pairs<K: OcamlType, V: OcamlType>(description: &mut Description) -> Type {
    <(K, V)>::ocaml_type(description).list()
}

/// `(k * v) list`; of two pairs with one key the last counts
impl<K: OcamlType, V: OcamlType> OcamlType for BTreeMap<K, V> {
    fn ocaml_type(description: &mut Description) -> Type {
        pairs::<K, V>(description)
    }
}

impl<K: FromOcaml + Ord, V: FromOcaml> FromOcaml for BTreeMap<K, V> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        read_list(value)
    }
}

/// In the order of the keys.
impl<K: IntoOcaml, V: IntoOcaml> IntoOcaml for BTreeMap<K, V> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        write_list(self.into_iter(), lock)
    }
}

/// `(k * v) list`; of two pairs with one key the last counts
impl<K: OcamlType, V: OcamlType, S> OcamlType for HashMap<K, V, S> {
    fn ocaml_type(description: &mut Description) -> Type {
        pairs::<K, V>(description)
    }
}

impl<K, V, S> FromOcaml for HashMap<K, V, S>
where
    K: FromOcaml + Eq + Hash,
    V: FromOcaml,
    S: BuildHasher + Default,
{
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        read_list(value)
    }
}

/// In any order.
impl<K: IntoOcaml, V: IntoOcaml, S> IntoOcaml for HashMap<K, V, S> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let pairs: Vec<(K, V)> = self.into_iter().collect();
        write_list(pairs.into_iter(), lock)
    }
}
