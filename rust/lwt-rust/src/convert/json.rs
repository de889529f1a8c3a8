//! Values of JSON, with the feature `serde_json`.

use serde_json::{Map, Number, Value};

use super::{
    FromOcaml, IntoOcaml, OcamlType, Read, constant, deeper_into_ocaml, deeper_into_rust, given_up,
    mismatch, read_polymorphic, root, tagged,
};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// `Lwt_rust.Json.t`. An integer of more than 63 bits is an `` `Intlit ``. A float that is not
/// finite is an error.
// SAFETY: the conversions below are those of `Lwt_rust.Json.t`.
unsafe impl OcamlType for Value {
    const TYPE: Type = Type::named("Lwt_rust.Json.t");
}

/// The number of a polymorphic variant: see the OCaml manual, "The representation of
/// polymorphic variants".
const fn hash(name: &str) -> i64 {
    let bytes = name.as_bytes();
    let mut hash = 0_u32;
    let mut index = 0;
    while index < bytes.len() {
        hash = hash.wrapping_mul(223).wrapping_add(bytes[index] as u32);
        index += 1;
    }
    // The number has 31 bits, of which the highest is the sign.
    ((hash << 1) as i32 >> 1) as i64
}

const NULL: i64 = hash("Null");
const BOOL: i64 = hash("Bool");
const INT: i64 = hash("Int");
const INTLIT: i64 = hash("Intlit");
const FLOAT: i64 = hash("Float");
const STRING: i64 = hash("String");
const LIST: i64 = hash("List");
const ASSOC: i64 = hash("Assoc");

impl FromOcaml for Value {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let _level = deeper_into_rust()?;
        let (constructor, content) = match read_polymorphic(value, "json") {
            Read::Constant(NULL) => return Ok(Value::Null),
            Read::Tagged(constructor, content) => (constructor, content),
            _ => return Err(mismatch("Lwt_rust.Json.t")),
        };
        macro_rules! content {
            ($type:ty) => {
                // SAFETY: the caller promises that the value is a `Lwt_rust.Json.t`, and a
                // constructor of this name has a content of this type.
                unsafe { <$type>::from_ocaml(content) }?
            };
        }
        Ok(match constructor {
            BOOL => content!(bool).into(),
            INT => content!(isize).into(),
            INTLIT => Value::Number(integer(&content!(String))?),
            FLOAT => Value::Number(finite(content!(f64))?),
            STRING => content!(String).into(),
            LIST => Value::Array(content!(Vec<Value>)),
            ASSOC => Value::Object(content!(Vec<(String, Value)>).into_iter().collect()),
            _ => return Err(mismatch("Lwt_rust.Json.t")),
        })
    }
}

/// An integer of 64 bits, or a longer one, if the crate has its feature `arbitrary_precision`.
/// Without that feature, a longer integer becomes a float.
fn integer(digits: &str) -> Result<Number, Error> {
    let number = digits
        .parse()
        .ok()
        .filter(|number: &Number| is_integer(digits) && number.to_string() == digits);
    number.ok_or_else(|| Error::message(format!("`Intlit \"{digits}\" is no integer of 64 bits")))
}

fn is_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn finite(float: f64) -> Result<Number, Error> {
    let number = Number::from_f64(float);
    number.ok_or_else(|| Error::message(format!("{float:e} is no number of JSON")))
}

// SAFETY: it makes the constructors of the type, with their contents.
unsafe impl IntoOcaml for Value {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let _level = match deeper_into_ocaml() {
            Ok(level) => level,
            Err(error) => return Err(given_up(error, self)),
        };
        let (constructor, content) = match self {
            Value::Null => return Ok(constant(NULL)),
            Value::Bool(bool) => (BOOL, root(bool, lock)?),
            Value::Number(number) => {
                let int = number.as_i64().filter(|&int| Val::int(int).is_some());
                match (int, number.as_f64()) {
                    (Some(int), _) => (INT, root(int as isize, lock)?),
                    (None, Some(float)) if number.is_f64() => (FLOAT, root(float, lock)?),
                    _ if is_integer(&number.to_string()) => {
                        (INTLIT, root(number.to_string(), lock)?)
                    }
                    // The crate has such numbers with its feature `arbitrary_precision`.
                    _ => return Err(Error::message(format!("OCaml has no float {number}"))),
                }
            }
            Value::String(string) => (STRING, root(string, lock)?),
            Value::Array(values) => (LIST, root(values, lock)?),
            Value::Object(members) => (ASSOC, root(pairs(members), lock)?),
        };
        Ok(tagged(lock, constructor, &content))
    }
}

fn pairs(members: Map<String, Value>) -> Vec<(String, Value)> {
    members.into_iter().collect()
}
