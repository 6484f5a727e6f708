//! The JSON schemas of what this program says to other programs, as they lie in `deploy/schema/`.
//!
//! The program holds the finished files; a test makes them from the types, so that neither can drift from the other.

use clap::ValueEnum;

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Schema {
    /// `check --json` and /api/v1/check.
    Check,
    /// /api/v1/estate.
    Estate,
    /// `check send --json`.
    Send,
    /// `explain --json`.
    Explain,
}

impl Schema {
    /// The schema: JSON Schema, draft 2020-12.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Check => include_str!("../../deploy/schema/check.schema.json"),
            Self::Estate => include_str!("../../deploy/schema/estate.schema.json"),
            Self::Send => include_str!("../../deploy/schema/send.schema.json"),
            Self::Explain => include_str!("../../deploy/schema/explain.schema.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::Schema;
    use schemars::generate::SchemaSettings;
    use schemars::transform::{Transform, transform_subschemas};
    use serde_json::Value;

    use clap::ValueEnum;

    use crate::cli::explain;
    use crate::report::Report;
    use crate::report::estate::Facts;
    use crate::report::send::SendReport;

    /// What Rust calls a number says nothing to others. What is not known is left out and never null, unless the
    /// description promises null.
    #[derive(Clone)]
    struct AsItIsSaid;

    impl Transform for AsItIsSaid {
        fn transform(&mut self, schema: &mut Schema) {
            let rust = |format: &Value| format.as_str().is_some_and(|format| format != "date-time");
            if schema.get("format").is_some_and(rust) {
                schema.remove("format");
            }
            if !schema.get("description").and_then(Value::as_str).is_some_and(|words| words.contains("null")) {
                without_null(schema);
            }
            transform_subschemas(self, schema);
        }
    }

    fn without_null(schema: &mut Schema) {
        let kept: Option<Vec<Value>> = schema
            .get("type")
            .and_then(Value::as_array)
            .map(|types| types.iter().filter(|one| *one != "null").cloned().collect());
        if let Some([only]) = kept.as_deref() {
            schema.insert("type".to_owned(), only.clone());
        }
        let either = schema.get("anyOf").and_then(Value::as_array);
        let reference = either.and_then(|either| either.iter().find_map(|one| one.get("$ref"))).cloned();
        if let Some(reference) = reference {
            schema.remove("anyOf");
            schema.insert("$ref".to_owned(), reference);
        }
    }

    fn made<T: schemars::JsonSchema>(title: &str) -> String {
        let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(AsItIsSaid);
        let mut schema = settings.into_generator().into_root_schema_for::<T>();
        schema.insert("title".to_owned(), title.into());
        serde_json::to_string_pretty(&schema).expect("JSON") + "\n"
    }

    #[test]
    fn the_files_are_those_of_the_types() {
        for (name, made) in [
            ("check", made::<Report>("ses-exporter check --json, /api/v1/check")),
            ("estate", made::<Facts>("ses-exporter /api/v1/estate")),
            ("send", made::<SendReport>("ses-exporter check send --json")),
            ("explain", made::<explain::Report>("ses-exporter explain --json")),
        ] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("deploy/schema/{name}.schema.json"));
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&file, &made).expect("a file to write");
            }
            let kept = std::fs::read_to_string(&file).expect("a file to read");
            assert!(kept == made, "{} differs from the types; run: BLESS=1 cargo test --lib schema", file.display());
        }
    }

    #[test]
    fn whatever_is_told_is_described() {
        for schema in super::Schema::value_variants() {
            let schema: Value = serde_json::from_str(schema.text()).expect("JSON");
            undescribed(&schema, "");
        }
    }

    /// Fails at a property without a word about it.
    fn undescribed(schema: &Value, place: &str) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            assert!(property.get("description").is_some(), "{place}/{name} has no description");
        }
        for (name, inner) in schema.as_object().into_iter().flatten() {
            undescribed(inner, &format!("{place}/{name}"));
        }
    }
}
