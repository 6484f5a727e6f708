//! What a browser asks of the status page: which identities, which page of them, and whether to look again by itself.
//!
//! What is not understood is left out, never refused: the form can't say it.

use form_urlencoded::{Serializer, parse};

/// The query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// A part of the label `identity`; empty = all.
    pub(super) identity: String,
    /// The value of the label `account`; empty = all.
    pub(super) account: String,
    /// The code of a region; empty = all.
    pub(super) region: String,
    /// Of the identities, from 1.
    pub(super) page: usize,
    /// The browser looks again every minute.
    pub(super) refresh: bool,
}

impl Asked {
    /// Reads a query. Of a name that stands twice the last counts.
    pub(super) fn of(query: &str) -> Self {
        let mut asked = Self { page: 1, ..Self::default() };
        for (name, value) in parse(query.as_bytes()) {
            match &*name {
                "identity" => value.trim().clone_into(&mut asked.identity),
                "account" => value.trim().clone_into(&mut asked.account),
                "region" => value.trim().clone_into(&mut asked.region),
                "page" => asked.page = value.parse().unwrap_or(1),
                "refresh" => asked.refresh = value == "on",
                _ => {}
            }
        }
        asked
    }

    /// Whether only some identities are asked for.
    pub(super) fn is_filtered(&self) -> bool {
        [&self.identity, &self.account, &self.region].iter().any(|text| !text.is_empty())
    }

    /// The address that asks this, with what it is about.
    pub(super) fn link(&self, anchor: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("account", &self.account), ("region", &self.region), ("identity", &self.identity)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        if self.refresh {
            query.append_pair("refresh", "on");
        }
        format!("?{}{anchor}", query.finish())
    }

    /// The same of the identities of one place, from the first on.
    pub(super) fn at(&self, account: &str, region: &str) -> Self {
        let (account, region) = (account.to_owned(), region.to_owned());
        Self { identity: String::new(), account, region, page: 1, refresh: self.refresh }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_written_again_and_nonsense_is_left_out() {
        let asked = Asked::of("identity=+a%26b%22&account=shop&page=3&refresh=on");
        assert_eq!((asked.identity.as_str(), asked.account.as_str(), asked.page), ("a&b\"", "shop", 3));
        assert_eq!(asked.link("#x"), "?account=shop&identity=a%26b%22&page=3&refresh=on#x");
        assert_eq!(Asked::of(asked.link("").trim_start_matches('?')), asked);
        let nothing = Asked { page: 1, ..Asked::default() };
        for nonsense in ["", "page=-1", "page=99999999999999999999999", "refresh=1", "x=y&&=", "%ff"] {
            assert_eq!(Asked::of(nonsense), nothing, "{nonsense}");
        }
        assert!(!nothing.is_filtered() && asked.is_filtered());
        assert_eq!(asked.at("a b", "eu-west-1").link(""), "?account=a+b&region=eu-west-1&refresh=on");
    }
}
