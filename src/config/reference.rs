//! `config/ses-exporter.toml`: every key, its default and its meaning, written from the declarations.

use humantime::format_duration;

use super::SECTIONS;
use super::section::{Key, Literal, Section, Shape};
use crate::collectors::ALL;

/// The width of a line of prose.
const WIDTH: usize = 100;

const PREAMBLE: &[&str] = &[
    "Configuration of ses-exporter: every section and key, its default and its meaning.",
    "All keys are commented out, so this file as it is means the same as none. Remove the # before those that you \
     change. A key that has no default stands after \"Example:\".",
    "Written by the program from its own declarations: ses-exporter print config. A test holds them together.",
];

/// The commented reference of the configuration; as a file it has the meaning of an empty one.
pub fn reference() -> String {
    let mut out = String::new();
    for paragraph in PREAMBLE {
        prose(&mut out, paragraph);
    }
    for section in SECTIONS {
        out.push('\n');
        prose(&mut out, section.about);
        match section.shape {
            Shape::Once => once(&mut out, section),
            Shape::List => list(&mut out, section),
            Shape::PerCollector => per_collector(&mut out, section),
        }
    }
    out
}

fn once(out: &mut String, section: &Section) {
    line(out, &section.header());
    for key in section.keys {
        out.push('\n');
        explain(out, key);
    }
}

/// The header is commented out as well: it would add an element.
fn list(out: &mut String, section: &Section) {
    line(out, &format!("#{}", section.header()));
    for key in section.keys {
        out.push('\n');
        explain(out, key);
    }
}

/// The keys are explained once; each collector then stands with its own defaults.
fn per_collector(out: &mut String, section: &Section) {
    for key in section.keys {
        prose(out, &format!("{}: {}", key.name, key.help));
    }
    for row in ALL {
        let declared = &row.declaration;
        out.push('\n');
        prose(out, declared.about);
        line(out, &format!("[{}.{}]", section.name, declared.name));
        line(out, &format!("#enabled = {}", declared.enabled));
        line(out, &format!("#interval = \"{}\"", format_duration(declared.interval)));
    }
}

fn explain(out: &mut String, key: &Key) {
    let (literal, example) = match key.value {
        Literal::Default(literal) => (literal, ""),
        Literal::Example(literal) => (literal, " Example:"),
    };
    prose(out, &format!("{}{example}", key.help));
    line(out, &format!("#{} = {literal}", key.name));
}

/// A paragraph as comments, broken between words.
fn prose(out: &mut String, text: &str) {
    let mut comment = String::from("#");
    for word in text.split_whitespace() {
        if comment.len() + word.len() >= WIDTH {
            line(out, &comment);
            comment.truncate(1);
        }
        comment.push(' ');
        comment.push_str(word);
    }
    line(out, &comment);
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
