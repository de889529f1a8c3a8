//! Options, results, lists, arrays and maps.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hash},
};

use super::{FromOcaml, IntoOcaml, OcamlType, Seen, given_up, mismatch, root};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// `t option`
// SAFETY: the conversions below are those of `option`.
unsafe impl<T: OcamlType> OcamlType for Option<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "option");
}

impl<T: FromOcaml> FromOcaml for Option<T> {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        if value.as_int() == Some(0) {
            return Ok(None);
        }
        let content = field(value, 0, 0, "option")?;
        // SAFETY: it is the content of a `t option`.
        unsafe { T::from_ocaml(content) }.map(Some)
    }
}

// SAFETY: `None` is the only constant constructor, and `Some` the only constructor with
// an argument.
unsafe impl<T: IntoOcaml> IntoOcaml for Option<T> {
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
// SAFETY: the conversions below are those of `result`.
unsafe impl<T: OcamlType, E: OcamlType> OcamlType for Result<T, E> {
    const TYPE: Type = Type::result(&T::TYPE, &E::TYPE);
}

impl<T: FromOcaml, E: FromOcaml> FromOcaml for Result<T, E> {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR || E::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen) || E::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.tag() {
            // SAFETY: it is the argument of the constructor `Ok` of a `(t, e) result`.
            Some(0) => unsafe { T::from_ocaml(field(value, 0, 0, "result")?) }.map(Ok),
            // SAFETY: it is the argument of the constructor `Error`.
            _ => unsafe { E::from_ocaml(field(value, 1, 0, "result")?) }.map(Err),
        }
    }
}

// SAFETY: `Ok` and `Error` are the constructors, in this order.
unsafe impl<T: IntoOcaml, E: IntoOcaml> IntoOcaml for Result<T, E> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let (tag, content) = match self {
            Ok(value) => (0, root(value, lock)?),
            Err(error) => (1, root(error, lock)?),
        };
        Ok(lock.block(tag, &[&content]))
    }
}

pub(super) fn field<'l>(
    value: Val<'l>,
    tag: u8,
    index: usize,
    what: &str,
) -> Result<Val<'l>, Error> {
    match value.tag() {
        Some(found) if found == tag => value.field(index).ok_or_else(|| mismatch(what)),
        Some(_) | None => Err(mismatch(what)),
    }
}

/// `t list`; for `u8`, `string`
// SAFETY: `T` says which type it is, and converts it.
unsafe impl<T: OcamlType> OcamlType for Vec<T> {
    const TYPE: Type = T::VEC_TYPE;
}

impl<T: FromOcaml> FromOcaml for Vec<T> {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        unsafe { T::vec_from_ocaml(value) }
    }
}

// SAFETY: as for its type.
unsafe impl<T: IntoOcaml> IntoOcaml for Vec<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::vec_into_ocaml(self, lock)
    }
}

/// # Safety
///
/// The value is a list whose elements have the OCaml type of `T`.
pub(super) unsafe fn read_list<T: FromOcaml, C: FromIterator<T>>(
    value: Val<'_>,
) -> Result<C, Error> {
    let mut rest = value;
    std::iter::from_fn(|| {
        if rest.as_int() == Some(0) {
            return None;
        }
        let cell = rest;
        // If the value is of another type, the iterator ends with the error.
        rest = Val::UNIT;
        Some(field(cell, 0, 1, "list").and_then(|tail| {
            rest = tail;
            // SAFETY: it is an element of the list.
            unsafe { T::from_ocaml(field(cell, 0, 0, "list")?) }
        }))
    })
    .collect()
}

pub(super) fn write_list<T: IntoOcaml>(
    mut elements: impl DoubleEndedIterator<Item = T>,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    let mut list = Root::UNIT;
    while let Some(element) = elements.next_back() {
        let element = match root(element, lock) {
            Ok(element) => element,
            Err(error) => return Err(given_up(error, elements)),
        };
        list = Root::new(lock.block(0, &[&element, &list]));
    }
    Ok(list.get(lock))
}

/// `t array`; for `u8`, `bytes`
// SAFETY: `T` says which type it is, and converts it.
unsafe impl<T: OcamlType> OcamlType for Box<[T]> {
    const TYPE: Type = T::SLICE_TYPE;
}

impl<T: FromOcaml> FromOcaml for Box<[T]> {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        unsafe { T::slice_from_ocaml(value) }
    }
}

// SAFETY: as for its type.
unsafe impl<T: IntoOcaml> IntoOcaml for Box<[T]> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::slice_into_ocaml(self, lock)
    }
}

/// `t array` of that length; for `u8`, `bytes`
// SAFETY: the type is that of `Box<[T]>`, and so are the conversions.
unsafe impl<T: OcamlType, const N: usize> OcamlType for [T; N] {
    const TYPE: Type = T::SLICE_TYPE;
}

impl<T: FromOcaml, const N: usize> FromOcaml for [T; N] {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        let elements = unsafe { T::slice_from_ocaml(value) }?.into_vec();
        let length = elements.len();
        elements.try_into().map_err(|_| {
            Error::message(format!(
                "an array has {length} elements and should have {N}"
            ))
        })
    }
}

// SAFETY: as for its type.
unsafe impl<T: IntoOcaml, const N: usize> IntoOcaml for [T; N] {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        T::slice_into_ocaml(Box::new(self), lock)
    }
}

/// # Safety
///
/// The value is an array whose elements have the OCaml type of `T`.
pub(super) unsafe fn read_array<T: FromOcaml>(value: Val<'_>) -> Result<Box<[T]>, Error> {
    // SAFETY: the caller promises it.
    unsafe { read_elements::<T, Result<_, _>>(value) }?
}

/// Reads an array. `C` collects its elements, or the errors of those that do not fit.
///
/// # Safety
///
/// As for [`read_array`].
pub(crate) unsafe fn read_elements<T, C>(value: Val<'_>) -> Result<C, Error>
where
    T: FromOcaml,
    C: FromIterator<Result<T, Error>>,
{
    if let Some(floats) = value.floats() {
        return Ok(floats.map(T::from_float).collect());
    }
    if value.tag() != Some(0) {
        return Err(mismatch("array"));
    }
    Ok((0..value.size())
        // SAFETY: it is an element of the array.
        .map(|index| unsafe { T::from_ocaml(field(value, 0, index, "array")?) })
        .collect())
}

pub(crate) fn write_array<T: IntoOcaml>(
    mut elements: impl ExactSizeIterator<Item = T>,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    match write_elements(&mut elements, lock) {
        Ok(array) => Ok(array.get(lock)),
        Err(error) => Err(given_up(error, elements)),
    }
}

fn write_elements<T: IntoOcaml>(
    elements: &mut impl ExactSizeIterator<Item = T>,
    lock: &mut Lock,
) -> Result<Root, Error> {
    let length = elements.len();
    let Some(first) = elements.next() else {
        return Ok(Root::new(lock.empty_array()));
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
    Ok(array)
}

/// `(k * v) list`; of two pairs with one key the last counts
// SAFETY: the conversions below are those of a list of pairs.
unsafe impl<K: OcamlType, V: OcamlType> OcamlType for BTreeMap<K, V> {
    const TYPE: Type = Type::list(&<(K, V)>::TYPE);
}

impl<K: FromOcaml + Ord, V: FromOcaml> FromOcaml for BTreeMap<K, V> {
    const MAY_BE_OF_EXECUTOR: bool = K::MAY_BE_OF_EXECUTOR || V::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        K::is_of_executor(seen) || V::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        unsafe { read_list(value) }
    }
}

/// In the order of the keys.
// SAFETY: as for its type.
unsafe impl<K: IntoOcaml, V: IntoOcaml> IntoOcaml for BTreeMap<K, V> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        write_list(self.into_iter(), lock)
    }
}

/// `(k * v) list`; of two pairs with one key the last counts
// SAFETY: as for a `BTreeMap`. `S` borrows nothing either.
unsafe impl<K: OcamlType, V: OcamlType, S: 'static> OcamlType for HashMap<K, V, S> {
    const TYPE: Type = Type::list(&<(K, V)>::TYPE);
}

impl<K, V, S> FromOcaml for HashMap<K, V, S>
where
    K: FromOcaml + Eq + Hash,
    V: FromOcaml,
    S: BuildHasher + Default + 'static,
{
    const MAY_BE_OF_EXECUTOR: bool = K::MAY_BE_OF_EXECUTOR || V::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        K::is_of_executor(seen) || V::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        unsafe { read_list(value) }
    }
}

/// In any order.
// SAFETY: as for its type.
unsafe impl<K: IntoOcaml, V: IntoOcaml, S: 'static> IntoOcaml for HashMap<K, V, S> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let pairs: Vec<(K, V)> = self.into_iter().collect();
        write_list(pairs.into_iter(), lock)
    }
}
