//! The fields of records, variants and exceptions, for the code of our derives.

#![allow(missing_docs, reason = "nobody but our macros uses this")]

use super::{FromOcaml, mismatch};
use crate::{
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// The fields of a record, or of a constructor.
#[derive(Clone, Copy)]
pub struct Fields<'l>(Val<'l>);

impl<'l> Fields<'l> {
    pub(crate) fn of(value: Val<'l>) -> Self {
        Fields(value)
    }

    /// Whether there are this many fields.
    pub fn are(self, number: usize) -> bool {
        self.0.size() == number
    }

    /// Reads a field.
    ///
    /// # Safety
    ///
    /// If there is such a field, it has the OCaml type of `T`.
    pub unsafe fn read<T: FromOcaml>(self, index: usize) -> Result<T, Error> {
        match self.0.floats() {
            Some(mut floats) => floats.nth(index).map(T::from_float),
            None => self.0.field(index).map(|field| {
                // SAFETY: the caller promises it.
                unsafe { T::from_ocaml(field) }
            }),
        }
        .unwrap_or_else(|| Err(mismatch("a record")))
    }
}

pub fn record_fields<'l>(
    value: Val<'l>,
    name: &str,
    number: usize,
    is_flat: bool,
) -> Result<Fields<'l>, Error> {
    let found = match value.floats() {
        Some(floats) if is_flat => floats.len(),
        None if !is_flat && value.tag() == Some(0) => value.size(),
        Some(_) | None => 0,
    };
    if found == number {
        Ok(Fields(value))
    } else {
        Err(mismatch(name))
    }
}

/// The parts of a variant's value.
pub enum Read<'l> {
    Constant(i64),
    Block(u8, Fields<'l>),
    /// A polymorphic variant with an argument.
    Tagged(i64, Val<'l>),
    Neither,
}

pub fn read_variant<'l>(value: Val<'l>, _name: &str) -> Read<'l> {
    match (value.as_int(), value.tag()) {
        (Some(number), _) => Read::Constant(number),
        (None, Some(tag)) => Read::Block(tag, Fields(value)),
        (None, None) => Read::Neither,
    }
}

pub fn read_polymorphic<'l>(value: Val<'l>, _name: &str) -> Read<'l> {
    if let Some(hash) = value.as_int() {
        return Read::Constant(hash);
    }
    match (value.field(0).and_then(Val::as_int), value.field(1)) {
        (Some(hash), Some(content)) if value.tag() == Some(0) => Read::Tagged(hash, content),
        _ => Read::Neither,
    }
}

pub fn constant<'l>(number: i64) -> Val<'l> {
    Val::int(number).unwrap_or(Val::UNIT)
}

/// Allocates the block of a constructor with arguments.
///
/// # Safety
///
/// The constructor has the tag `tag`, and arguments of the types of `fields`.
pub unsafe fn block<'l>(lock: &'l mut Lock, tag: u8, fields: &[&Root]) -> Val<'l> {
    lock.block(tag, fields)
}

pub fn tagged<'l>(lock: &'l mut Lock, hash: i64, content: &Root) -> Val<'l> {
    let hash = Root::new(constant(hash));
    lock.block(0, &[&hash, content])
}

/// Allocates a record.
///
/// # Safety
///
/// The record has fields of the types of `fields`. It is flat if all of them are floats,
/// and only then.
pub unsafe fn record<'l>(
    lock: &'l mut Lock,
    is_flat: bool,
    fields: &[&Root],
) -> Result<Val<'l>, Error> {
    if !is_flat {
        return Ok(lock.block(0, fields));
    }
    let record = Root::new(lock.float_array(fields.len())?);
    for (index, field) in fields.iter().enumerate() {
        let float = field.get(lock).as_float().unwrap_or(f64::NAN);
        lock.store_float(&record, index, float);
    }
    Ok(record.get(lock))
}
