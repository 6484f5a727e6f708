//! Names of senders and recipients: domains and e-mail addresses, as SES takes them for identities.

use super::reader::{Value, Wrong, text};

/// The longest name of a domain (RFC 1035, 2.3.4), without the dot at its end.
const LONGEST_DOMAIN: usize = 253;
/// The longest part of a domain between two dots, and of an address before the `@` (RFC 1035, 2.3.4; RFC 5321, 4.5.3.1.1).
const LONGEST_PART: usize = 63;
const LONGEST_LOCAL: usize = 64;

/// Reads a domain or an e-mail address.
pub(super) fn name(value: &Value<'_>) -> Result<String, Wrong> {
    mail_name(&text(value)?).map_err(|what| Wrong::new(value, what))
}

/// A domain or an e-mail address as SES has it. Domains have no case, so they come out in lower case; what stands before
/// an `@` is left as it is. A mistake does not show the text.
pub fn mail_name(text: &str) -> Result<String, &'static str> {
    if text.contains("://") {
        return Err("is a URL; write the domain alone, such as \"example.com\"");
    }
    if text.contains(['<', '>', ' ']) {
        return Err("is more than an address; write it alone, such as \"ann@example.com\", without a name or spaces");
    }
    if text.contains(['*', '?']) {
        return Err("is a pattern; write the domain alone, which stands for every address at it");
    }
    let (local, domain) = match text.rsplit_once('@') {
        Some((local, domain)) => (Some(local), domain.to_lowercase()),
        None => (None, text.to_lowercase()),
    };
    if local.is_some_and(|local| !is_local(local)) {
        return Err("is no e-mail address; write one such as \"ann@example.com\"");
    }
    if !domain.is_ascii() {
        return Err("has a domain that is not written in ASCII; write it as DNS has it, with xn--");
    }
    if domain.ends_with('.') {
        return Err("ends with a dot; leave it out, as SES does");
    }
    if !is_domain(&domain) {
        return Err("is no domain or e-mail address; write one such as \"example.com\" or \"ann@example.com\"");
    }
    Ok(local.map_or_else(|| domain.clone(), |local| format!("{local}@{domain}")))
}

fn is_local(local: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"@\"(),:;[\\]".contains(&byte);
    (1..=LONGEST_LOCAL).contains(&local.len()) && local.bytes().all(allowed)
}

/// At least two parts: nobody can verify a top-level domain or a bare host.
fn is_domain(domain: &str) -> bool {
    let part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=LONGEST_PART).contains(&part.len())
            && part.bytes().all(allowed)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    domain.len() <= LONGEST_DOMAIN && domain.contains('.') && domain.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use toml::de::DeValue;

    use super::*;

    fn read(text: &str) -> Option<String> {
        let quoted = format!("{text:?}");
        name(&DeValue::parse(&quoted).expect("a string")).ok()
    }

    #[test]
    fn domains_and_addresses_come_out_as_ses_has_them() {
        for (written, expected) in [
            ("Example.COM", "example.com"),
            ("mail.eu.example.com", "mail.eu.example.com"),
            ("Ann+orders@Example.com", "Ann+orders@example.com"),
            ("o'neill@xn--bcher-kva.example", "o'neill@xn--bcher-kva.example"),
            ("_x.example.com", "_x.example.com"),
        ] {
            assert_eq!(read(written).as_deref(), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_ses_would_not_take_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for written in [
            "localhost",
            "example..com",
            ".example.com",
            "example.com.",
            "-a.example",
            "@example.com",
            "a@",
            "a@b@c.example",
            "Ann <ann@example.com>",
            "https://example.com",
            "*.example.com",
            "bücher.example",
            "a,b@example.com",
            &long,
        ] {
            assert_eq!(read(written), None, "{written}");
        }
    }
}
