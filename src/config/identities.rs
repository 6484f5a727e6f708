//! Section `[identities]`: which identities bear series, and what becomes of e-mail addresses.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::mistakes::printable;
use super::reader::{Document, Value, Written, Wrong, choice, list, text, whole};
use super::section::{Section, Shape, key, optional};
use crate::collectors::identities::{EmailAddresses, HashKey, Settings};

pub(super) const SECTION: Section = Section {
    name: "identities",
    shape: Shape::Once,
    about: "Which identities (domains and e-mail addresses) bear series of their own. They are counted in \
            ses_identities whatever is written here.",
    keys: &[
        key(
            "include",
            "[]",
            "Only identities that match one of these patterns; empty = all. * stands for any text, ? for one \
             character: [\"*.example.com\", \"*@example.com\"]. Upper and lower case are the same.",
        ),
        key("exclude", "[]", "No identities that match one of these patterns, included or not."),
        key(
            "max_per_region",
            "1000",
            "How many identities of one account and region bear series at most: 0 to 10000. Each has \
             about 19. What is over is counted in ses_exporter_identities_dropped.",
        ),
        key(
            "email_addresses",
            r#""plain""#,
            "How e-mail addresses, which are personal data, appear in labels: \"plain\", \"hashed\" (a keyed hash \
             before the domain), or \"none\" (no series for them).",
        ),
        optional(
            "hash_key_file",
            r#""hash.key""#,
            "The file with the key of \"hashed\", relative to this file: 16 to 4096 bytes, such as of openssl rand \
             -hex 32. A line break at its end does not count.",
        ),
        key(
            "tags",
            "[]",
            "The keys of the tags of identities that are shown in ses_identity_tag_info, such as [\"owner\", \
             \"service\"]. Values of other tags stay in AWS.",
        ),
    ],
};

/// SES allows 10,000 identities in a region (Service quotas in Amazon SES).
const MOST_IDENTITIES: usize = 10_000;
/// Fewer bytes can be tried out.
const SHORTEST_KEY: usize = 16;
/// No key is longer; reading stops here.
const LONGEST_KEY: u64 = 4096;

pub(super) fn read(document: &mut Document<'_>) -> Settings {
    let dir = document.dir;
    let mut section = document.section(&SECTION);
    Settings {
        include: section.get("include", list(pattern)),
        exclude: section.get("exclude", list(pattern)),
        max_per_region: section.get("max_per_region", whole(0..=MOST_IDENTITIES)),
        email_addresses: email_addresses(&mut section, dir),
        tags: section.get("tags", list(text)),
    }
}

/// A pattern of the glob crate. Its message names no part of the pattern.
fn pattern(value: &Value<'_>) -> Result<glob::Pattern, Wrong> {
    glob::Pattern::new(&text(value)?)
        .map_err(|e| Wrong::new(value, format!("is no pattern: {}; to mean a * or [ itself, write [*] or [[]", e.msg)))
}

fn email_addresses(section: &mut Written<'_>, dir: &Path) -> EmailAddresses {
    let wanted = section.get("email_addresses", choice(&["plain", "hashed", "none"]));
    let path = section.optional("hash_key_file", text);
    if wanted != "hashed" {
        // Whoever names a key wants hashes; showing addresses instead would be the wrong surprise.
        if section.has("hash_key_file") && section.right(&["email_addresses"]) {
            section.note("hash_key_file", "is of use with email_addresses = \"hashed\" only; set that or remove it");
        }
        return if wanted == "none" { EmailAddresses::None } else { EmailAddresses::Plain };
    }
    let Some(path) = path else {
        if !section.has("hash_key_file") {
            section.note("email_addresses", "\"hashed\" needs a key; name its file in hash_key_file");
        }
        return EmailAddresses::None;
    };
    match read_key(&dir.join(path)) {
        Ok(key) => EmailAddresses::Hashed(key),
        Err(what) => {
            section.note("hash_key_file", what);
            EmailAddresses::None
        }
    }
}

fn read_key(path: &PathBuf) -> Result<HashKey, String> {
    let shown = printable(&path.display().to_string());
    let mut key = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_KEY + 1).read_to_end(&mut key))
        .map_err(|e| format!("can't read {shown}: {}", super::advice(&e)))?;
    if key.len() as u64 > LONGEST_KEY {
        return Err(format!("{shown} is longer than {LONGEST_KEY} bytes; name a file that holds the key alone"));
    }
    if key.ends_with(b"\n") {
        key.pop();
    }
    if key.ends_with(b"\r") {
        key.pop();
    }
    if key.len() < SHORTEST_KEY {
        return Err(format!("{shown} holds fewer than {SHORTEST_KEY} bytes; fill it with openssl rand -hex 32"));
    }
    Ok(HashKey::new(key))
}
