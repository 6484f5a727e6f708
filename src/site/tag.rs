//! Entity tags (RFC 9110, section 8.8.3): whether a client has what it would be told.
//!
//! They are weak: two answers with one tag say the same of SES, and may have been read at other times.

use std::fmt::Write;

use hyper::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use sha2::{Digest, Sha256};

/// So many bytes of the digest: nobody gains by two answers with one tag, so it has to be unlikely and no more.
const BYTES: usize = 16;

/// The tag of an answer, without quotes.
pub(super) struct Tag(String);

impl Tag {
    /// That of all answers with this content.
    pub(super) fn of(content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        Self(digest.iter().take(BYTES).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // a string takes everything
            text
        }))
    }

    /// As `ETag` has it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("W/\"{}\"", self.0)).ok()
    }

    /// Whether the client has an answer with this tag. A tag of ours has no comma, so others may be cut in two.
    pub(super) fn is_among(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
        let quoted = format!("\"{}\"", self.0);
        lines.flat_map(|line| line.split(',')).map(str::trim).any(|tag| {
            let tag_of_client = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag_of_client == quoted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_the_tags_that_it_has_in_many_ways() {
        let (tag, other) = (Tag::of(b"content"), Tag::of(b"contents").0);
        let own = tag.0.clone();
        assert_eq!((own.len(), own == other), (32, false));
        let is_among = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, line.parse().expect("a header"));
            }
            tag.is_among(&headers)
        };
        for has in [format!("W/\"{own}\""), format!("\"{own}\""), format!("\"a,b\" , W/\"{own}\""), "*".to_owned()] {
            assert!(is_among(&[&has]) && is_among(&["\"x\"", &has]), "{has}");
        }
        for lacks in [format!("W/\"{other}\""), own.clone(), format!("\"{own}"), String::new()] {
            assert!(!is_among(&[&lacks]), "{lacks}");
        }
        assert!(!is_among(&[]));
        assert_eq!(tag.header().expect("a header"), format!("W/\"{own}\""));
    }
}
