//! Section `[dns]`: whom the agent asks for DNS records, and how fast.

use std::net::{IpAddr, SocketAddr};

use super::reader::{Document, Value, Wrong, list, text, whole};
use super::section::{Section, Shape, key};
use crate::dns::Settings;

pub(super) const SECTION: Section = Section {
    name: "dns",
    shape: Shape::Once,
    about: "Whom the collector dns asks for the records of your domains, and how fast, over all accounts and regions.",
    keys: &[
        key(
            "resolvers",
            "[]",
            "The resolvers to ask; empty = those in /etc/resolv.conf. Addresses, with or without a port: \
             [\"192.0.2.53\", \"192.0.2.54:5353\", \"[2001:db8::53]:53\"].",
        ),
        key("queries_per_second", "50", "Queries a second: 1 to 1000. At most 16 are on their way at once."),
    ],
};

/// The port of DNS (RFC 1035, 4.2).
const PORT: u16 = 53;

pub(super) fn read(document: &mut Document<'_>) -> Settings {
    let mut section = document.section(&SECTION);
    let settings = Settings {
        resolvers: section.get("resolvers", list(resolver)),
        queries_per_second: section.get("queries_per_second", whole(1..=1000)),
    };
    let twice = settings
        .resolvers
        .iter()
        .enumerate()
        .any(|(at, one)| settings.resolvers.iter().skip(at + 1).any(|it| it == one));
    if twice {
        section.note("resolvers", "names one resolver twice; remove one of them");
    }
    settings
}

/// An address with or without a port. Nothing of the value is shown.
fn resolver(value: &Value<'_>) -> Result<SocketAddr, Wrong> {
    let text = text(value)?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    let address = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT)).or_else(|_| text.parse());
    let address = address.map_err(|_| Wrong::new(value, advice(&text)))?;
    if address.port() == 0 {
        return Err(Wrong::new(value, "has port 0, where nobody listens; write 53 or leave the port out"));
    }
    if address.ip().is_unspecified() || address.ip().is_multicast() {
        return Err(Wrong::new(value, "is no address of one machine; write the resolver's own"));
    }
    Ok(address)
}

/// What is likely to be wrong with a text that is no address.
fn advice(text: &str) -> &'static str {
    let port_after = |rest: &str| rest.rsplit_once(':').is_some_and(|(ip, _)| ip.parse::<IpAddr>().is_ok());
    if text.contains("://") {
        "is a URL; write an address such as \"192.0.2.53\", since DNS is asked over UDP and TCP only"
    } else if port_after(text) {
        "has no right port; write \"192.0.2.53:53\", or \"[2001:db8::53]:53\" with IPv6"
    } else if text.contains(|c: char| c.is_ascii_alphabetic()) && !text.contains("::") && !text.contains('[') {
        "is a name, which only a resolver could look up; write its address, such as \"192.0.2.53\""
    } else {
        "is no address; write \"192.0.2.53\", \"192.0.2.53:53\" or \"[2001:db8::53]:53\""
    }
}
