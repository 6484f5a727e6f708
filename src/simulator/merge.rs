//! JSON Merge Patch (RFC 7396): how a test or a person changes a region's account state over the control API.

use serde_json::{Map, Value};

/// Merges `patch` into `target`: objects merge member by member, `null` removes, anything else replaces.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (member, change) in patch {
            if change.is_null() {
                target.remove(member);
            } else {
                merge(target.entry(member.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The example of RFC 7396, section 3.
    #[test]
    fn the_example_of_the_rfc() {
        let mut target = json!({
            "title": "Goodbye!", "author": { "givenName": "John", "familyName": "Doe" },
            "tags": ["example", "sample"], "content": "This will be unchanged"
        });
        let patch = json!({ "title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": { "familyName": null }, "tags": ["example"] });
        merge(&mut target, &patch);
        let expected = json!({
            "title": "Hello!", "author": { "givenName": "John" }, "tags": ["example"],
            "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890"
        });
        assert_eq!(target, expected);
    }
}
