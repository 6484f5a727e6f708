//! The rules of the house, read off the sources: who may use whom, how long files are, where words live.

use std::path::{Path, PathBuf};

use ses_exporter::collectors;

use crate::support::repository;

/// What modules that only name things must never use: whoever does something.
const WORDS_ALONE: &[&str] =
    &["aws", "collector", "collectors", "config", "estate", "page", "web", "cli", "exporter", "simulator", "telemetry"];

/// Module, and the modules of this crate that it must never use. A rule for `collectors/` holds for the files inside.
const NEVER: &[(&str, &[&str])] = &[
    ("metric", WORDS_ALONE),
    (
        "exposition",
        &["aws", "collector", "collectors", "config", "estate", "page", "web", "cli", "exporter", "simulator"],
    ),
    ("target", WORDS_ALONE),
    ("expectations", WORDS_ALONE),
    ("rejection", WORDS_ALONE),
    ("rejection", &["remedy", "target"]),
    ("remedy", WORDS_ALONE),
    ("remedy", &["rejection"]),
    ("report", &["aws", "poller", "page", "web", "site", "cli", "exporter", "simulator", "telemetry"]),
    ("aws", &["collector", "collectors", "estate", "page", "web", "cli", "exporter", "simulator"]),
    ("dns", &["aws", "collector", "collectors", "config", "estate", "page", "web", "cli", "exporter", "simulator"]),
    ("collector", &["collectors", "config", "estate", "page", "web", "cli", "exporter", "simulator"]),
    ("collectors/", &["config", "estate", "page", "poller", "web", "cli", "exporter", "simulator", "telemetry"]),
    ("poller", &["web", "site", "cli", "config", "page", "simulator"]),
    ("estate", &["web", "site", "cli", "config", "page", "simulator"]),
    ("page", &["aws", "web", "site", "cli", "config", "simulator"]),
    ("web", &["aws", "collectors", "estate", "page", "cli", "exporter", "simulator", "poller"]),
    ("site", &["aws", "cli", "simulator", "poller"]),
    ("telemetry", &["aws", "collector", "collectors", "estate", "page", "web", "cli", "exporter", "simulator"]),
    ("report", &["aws", "web", "site", "cli", "exporter", "simulator", "poller", "page", "telemetry"]),
    ("config", &["estate", "page", "poller", "web", "cli", "exporter", "simulator", "telemetry"]),
    ("cli", &["aws", "poller"]),
    (
        "simulator",
        &[
            "aws",
            "cli",
            "collector",
            "collectors",
            "config",
            "estate",
            "exporter",
            "exposition",
            "log",
            "metric",
            "page",
            "poller",
            "reference",
            "shutdown",
            "site",
            "target",
            "telemetry",
            "web",
        ],
    ),
];

/// Words that only some rooms may say: they are how a module reaches the outside or the clock.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio::spawn", &["cli", "simulator", "web"]),
    ("SystemTime::now", &["aws", "poller", "exporter", "simulator", "telemetry"]),
    (".send().await", &["simulator"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                walk(&entry, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    let root = repository("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let name = |file: &PathBuf| file.strip_prefix(&root).expect("inside").with_extension("").display().to_string();
    let read = |file: &PathBuf| std::fs::read_to_string(file).expect("a source");
    found.iter().map(|file| (name(file), production(&read(file)))).collect()
}

/// A source without comments and without its tests.
fn production(source: &str) -> String {
    let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    code.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

fn room(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}

/// Every module of this crate that a source names, be it in `crate::a` or in `crate::{a, b::c}`.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split_once("};").map_or(list, |(list, _)| list),
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
        };
        let mut depth = 0;
        let mut word = String::new();
        for c in list.chars().chain([',']) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => found.push(std::mem::take(&mut word)),
                _ if depth == 0 => word.push(c),
                _ => {}
            }
        }
    }
    found.iter().map(|path| path.trim().split("::").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn no_module_uses_what_it_must_not() {
    let mut broken = Vec::new();
    for (module, code) in sources() {
        let rules = NEVER.iter().filter(|(ruled, _)| match ruled.strip_suffix('/') {
            Some(folder) => module.starts_with(&format!("{folder}/")),
            None => room(&module) == *ruled,
        });
        for used in uses(&code) {
            for (_, never) in rules.clone() {
                if never.contains(&used.as_str()) && used != room(&module) {
                    broken.push(format!("src/{module}.rs uses {used}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_outside_is_reached_from_few_rooms() {
    for (module, code) in sources() {
        for (word, rooms) in ONLY_IN {
            let allowed = rooms.contains(&room(&module)) || !code.contains(word);
            assert!(allowed, "src/{module}.rs says {word}, which only {rooms:?} may");
        }
    }
}

#[test]
fn files_are_short() {
    for (module, code) in sources() {
        let lines = code.lines().count();
        assert!(lines <= 450, "src/{module}.rs has {lines} lines without its tests: is there a second thing in it?");
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (module, _) in sources() {
        let source = std::fs::read_to_string(repository(&format!("src/{module}.rs"))).expect("a source");
        assert!(source.starts_with("//! "), "src/{module}.rs has no header");
    }
}

#[test]
fn every_collector_file_is_in_the_table() {
    let mut files: Vec<String> = std::fs::read_dir(repository("src/collectors"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut table: Vec<String> = collectors::ALL.iter().map(|row| row.declaration.name.to_owned()).collect();
    files.sort();
    table.sort();
    assert_eq!(files, table);
}

#[test]
fn no_write_call_to_aws_is_named_anywhere() {
    let writes = ["put_", "create_", "delete_", "update_", "send_email", "verify_", "set_identity_"];
    for (module, code) in sources() {
        if ["aws", "collectors"].contains(&room(&module)) {
            for call in writes.iter().map(|verb| format!(").{verb}")) {
                assert!(!code.contains(&call), "src/{module}.rs calls {call}…");
            }
        }
    }
}

/// A promise is worth the test that holds it: those that SECURITY.md names are there, and still mean what they are called.
#[test]
fn the_tests_that_hold_the_promises_are_there() {
    let text = std::fs::read_to_string(repository("SECURITY.md")).expect("SECURITY.md");
    let (_, table) = text.split_once("| promise | held by |").expect("the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let named: Vec<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 30, "{named:?}");
    for test in named {
        let (module, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("{test} has no module"));
        let path = module.replace("::", "/");
        let files = [format!("tests/{path}.rs"), format!("src/{path}.rs"), format!("src/{path}/tests.rs")];
        let sources = files.iter().filter_map(|file| std::fs::read_to_string(repository(file)).ok());
        assert!(sources.into_iter().any(|source| source.contains(&format!("fn {name}("))), "there is no {test}");
    }
}
