//! An e-mail address as a message names it: how it was written, its local part and its domain.
//!
//! It is stricter than RFC 5322 in nothing that SES takes, and far more lenient than it in what it takes. It knows no identities.

/// What comes before the `@` of the mailbox simulator's addresses
/// (<https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>).
const MAILBOX_SIMULATOR: [&str; 5] = ["success", "bounce", "complaint", "suppressionlist", "ooto"];
const MAILBOX_SIMULATOR_DOMAIN: &str = "simulator.amazonses.com";

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `Shop <noreply@shop.example>`, which is how SES names it in a refusal (mettle/sendportal#94).
    pub(super) written: String,
    /// Case-sensitive.
    pub(super) local: String,
    /// In lower case.
    pub(super) domain: String,
}

impl Address {
    /// Reads `a@x` or `Name <a@x>`; `Err` says what is wrong in the words of SES (cloud-custodian#8051, aws-lambda-ses-forwarder#103,
    /// and others of the same family, which is that of JavaMail).
    pub(super) fn parse(written: &str) -> Result<Address, &'static str> {
        let written = written.trim();
        let plain = match written.rsplit_once('<') {
            Some((_, rest)) => rest.strip_suffix('>').ok_or("Missing '>'")?.trim(),
            None => written,
        };
        if plain.is_empty() {
            return Err("Illegal address");
        }
        let (local, domain) = plain.rsplit_once('@').ok_or("Missing final '@domain'")?;
        check(local, domain)?;
        Ok(Address { written: written.to_owned(), local: local.to_owned(), domain: domain.to_lowercase() })
    }

    /// The local part without its `+label`.
    pub(super) fn unlabelled(&self) -> &str {
        self.local.split_once('+').map_or(&self.local, |(name, _)| name)
    }

    /// `a@x`, without a name.
    pub(super) fn plain(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// True for `success@simulator.amazonses.com` and the like, with or without a label.
    pub(super) fn is_mailbox_simulator(&self) -> bool {
        self.domain == MAILBOX_SIMULATOR_DOMAIN
            && MAILBOX_SIMULATOR.iter().any(|name| self.unlabelled().eq_ignore_ascii_case(name))
    }
}

fn check(local: &str, domain: &str) -> Result<(), &'static str> {
    let odd = |character: char| character.is_control() || character.is_whitespace();
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    match (local, domain) {
        ("", _) => Err("Missing local name"),
        (_, "") => Err("Missing domain"),
        _ if !quoted && local.contains(odd) => Err("Local address contains control or whitespace"),
        _ if !quoted && local.contains(['@', '<', '>', ',', ';', '"']) => {
            Err("Local address contains illegal character")
        }
        _ if local.starts_with('.') => Err("Local address starts with dot"),
        _ if local.ends_with('.') => Err("Local address ends with dot"),
        _ if !quoted && local.contains("..") => Err("Local address contains dot-dot"),
        _ if domain.contains(odd) => Err("Domain contains control or whitespace"),
        _ if domain.contains(|character: char| character.is_ascii() && !is_of_domain(character)) => {
            Err("Domain contains illegal character")
        }
        _ if domain.starts_with('.') => Err("Domain starts with dot"),
        _ if domain.ends_with('.') => Err("Domain ends with dot"),
        _ if domain.contains("..") => Err("Domain contains dot-dot"),
        _ => Ok(()),
    }
}

fn is_of_domain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// The addresses of a header such as `To`: cut at commas that stand in no quoted name and in no angle brackets.
pub(super) fn list(header: &str) -> Vec<String> {
    let (mut found, mut current, mut quoted, mut angled, mut escaped) =
        (Vec::new(), String::new(), false, false, false);
    for character in header.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            ',' if !quoted && !angled => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(character);
    }
    found.push(current);
    found.into_iter().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_a_name() {
        for written in
            ["Eve+x@Shop.Example", "<Eve+x@Shop.Example>", "\"Eve, E.\" <Eve+x@Shop.Example>", " Eve+x@Shop.Example "]
        {
            let address = Address::parse(written).expect("an address");
            assert_eq!((address.local.as_str(), address.unlabelled()), ("Eve+x", "Eve"));
            assert_eq!(address.plain(), "Eve+x@shop.example");
            assert_eq!(address.written, written.trim());
        }
        assert!(Address::parse("\"a b\"@shop.example").is_ok(), "a quoted local part may hold blanks");
        assert!(
            Address::parse("jos\u{e9}@b\u{fc}cher.example").is_ok(),
            "SES takes what is not ASCII in more places than one"
        );
    }

    #[test]
    fn what_is_no_address_is_told_in_words() {
        for (written, why) in [
            ("", "Illegal address"),
            ("Shop <>", "Illegal address"),
            ("shop", "Missing final '@domain'"),
            ("Shop <a@shop.example", "Missing '>'"),
            ("@shop.example", "Missing local name"),
            ("a@", "Missing domain"),
            ("a b@shop.example", "Local address contains control or whitespace"),
            ("a@b@shop.example", "Local address contains illegal character"),
            (".a@shop.example", "Local address starts with dot"),
            ("a.@shop.example", "Local address ends with dot"),
            ("a..b@shop.example", "Local address contains dot-dot"),
            ("a@shop example", "Domain contains control or whitespace"),
            ("a@shop!example", "Domain contains illegal character"),
            ("a@.shop.example", "Domain starts with dot"),
            ("a@shop.example.", "Domain ends with dot"),
            ("a@shop..example", "Domain contains dot-dot"),
        ] {
            assert_eq!(Address::parse(written), Err(why), "{written}");
        }
    }

    #[test]
    fn the_mailbox_simulator_has_five_names() {
        let is = |written: &str| Address::parse(written).expect("an address").is_mailbox_simulator();
        assert!(
            ["success", "bounce", "complaint", "suppressionlist", "ooto", "bounce+order-7", "Success"]
                .iter()
                .all(|name| is(&format!("{name}@simulator.amazonses.com")))
        );
        assert!(!is("reject@simulator.amazonses.com") && !is("success@amazonses.com"));
    }

    #[test]
    fn a_header_is_cut_at_the_commas_that_part_addresses() {
        let cut = list("\"Eve, \\\"E\\\"\" <eve@x.example>, bob@y.example,, <carol@z.example>");
        assert_eq!(cut, ["\"Eve, \\\"E\\\"\" <eve@x.example>", "bob@y.example", "<carol@z.example>"]);
    }
}
