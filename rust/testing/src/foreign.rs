//! Types of other crates.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

round_trips! {
    echo_uuid: Uuid;
    echo_url: Url;
    echo_chrono: DateTime<Utc>;
    echo_chronos: Vec<DateTime<Utc>>;
    echo_json: Value;
    echo_jsons: Vec<Value>;
}

/// All kinds of values.
#[lwt_rust::func]
pub(crate) fn some_json() -> Value {
    json!({
        "null": null,
        "bools": [true, false],
        "ints": [0, -5, (1_i64 << 62) - 1, 1_i64 << 62, -(1_i64 << 62) - 1, u64::MAX],
        "float": 0.5,
        "text": "a",
        "empty": [[], {}],
    })
}

/// The text of a value.
#[lwt_rust::func]
pub(crate) fn json_text(value: Value) -> String {
    value.to_string()
}

/// Lists within each other.
#[lwt_rust::func]
pub(crate) fn deep_json(levels: usize, is_object: bool) -> Value {
    (0..levels).fold(Value::Null, |inner, _| match is_object {
        true => Value::Object(Map::from_iter([("a".to_owned(), inner)])),
        false => Value::Array(vec![inner]),
    })
}
