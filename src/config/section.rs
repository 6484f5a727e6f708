//! What a section of the file may hold: the declarations that reading, reference and checks are derived from.

/// A section of the file, declared.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name, such as `poll`.
    pub(super) name: &'static str,
    /// Once, as a list, or once per collector.
    pub(super) shape: Shape,
    /// What it is about, in whole sentences for the reference.
    pub(super) about: &'static str,
    /// Its keys, in the order of the reference.
    pub(super) keys: &'static [Key],
}

/// How often a section stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[name]`
    Once,
    /// `[[name]]`, any number of times.
    List,
    /// `[name.<collector>]`; the defaults stand in each collector's declaration.
    PerCollector,
}

/// A key of a section, declared.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// Its default, or an example where it has none.
    pub(super) value: Literal,
    /// What it means, with units and bounds, in whole sentences for the reference.
    pub(super) help: &'static str,
}

/// A value as TOML.
#[derive(Clone, Copy, Debug)]
pub(super) enum Literal {
    /// The value of a file that leaves the key out.
    Default(&'static str),
    /// What a value could look like; leaving the key out means something else than any value.
    Example(&'static str),
}

/// A key that has a default, written as TOML.
pub(super) const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, value: Literal::Default(default), help }
}

/// A key that can be left out for good; `example` is TOML too.
pub(super) const fn optional(name: &'static str, example: &'static str, help: &'static str) -> Key {
    Key { name, value: Literal::Example(example), help }
}

impl Section {
    /// The header as the file writes it.
    pub(super) fn header(&self) -> String {
        match self.shape {
            Shape::Once => format!("[{}]", self.name),
            Shape::List => format!("[[{}]]", self.name),
            Shape::PerCollector => format!("[{}.<name>]", self.name),
        }
    }

    /// The example of a key as TOML.
    pub(super) fn example_of(&self, name: &str) -> Option<&'static str> {
        self.keys.iter().find(|key| key.name == name).and_then(|key| match key.value {
            Literal::Example(literal) => Some(literal),
            Literal::Default(_) => None,
        })
    }

    /// The default of a key as TOML.
    pub(super) fn default_of(&self, name: &str) -> Option<&'static str> {
        self.keys.iter().find(|key| key.name == name).and_then(|key| match key.value {
            Literal::Default(literal) => Some(literal),
            Literal::Example(_) => None,
        })
    }
}
