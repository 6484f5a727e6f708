//! What is asked of the estate: which targets, and which page of their identities.
//!
//! It is read from the query of an address and written as one. A page begins behind an identity that is named, and not at
//! a number: whatever comes or goes between two requests, no other identity is told twice or left out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::{Serializer, parse};

use crate::estate::TargetView;

/// The most identities of a page: some megabytes of JSON where each has its DNS records.
const LARGEST_PAGE: usize = 10_000;

/// Which facts are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The value of the label `account`.
    pub(super) account: Option<String>,
    /// The code of the region.
    pub(super) region: Option<String>,
    /// So many identities at the most, from 1; none where all are asked for. A target counts as one at the least.
    pub(super) limit: Option<usize>,
    /// Where the page before ended.
    pub(super) cursor: Option<Cursor>,
}

/// The last thing that a page told.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cursor {
    /// The value of the label `account`, where it was known.
    pub(super) account: Option<String>,
    /// The code of the region.
    pub(super) region: String,
    /// The value of the label `identity`; empty where the target had none.
    pub(super) identity: String,
}

impl Filter {
    /// Reads a query.
    ///
    /// # Errors
    /// What is not understood, in a sentence: an answer about something else would look like the right one.
    pub(crate) fn parse(query: &str) -> Result<Self, &'static str> {
        let mut filter = Self::default();
        for (name, value) in parse(query.as_bytes()) {
            let twice = match &*name {
                "account" => filter.account.replace(value.into_owned()).is_some(),
                "region" => filter.region.replace(value.into_owned()).is_some(),
                "limit" => filter.limit.replace(limit(&value)?).is_some(),
                "cursor" => filter.cursor.replace(Cursor::parse(&value)?).is_some(),
                _ => return Err("account, region, limit and cursor can be asked for: ?account=shop&region=eu-west-1"),
            };
            if twice {
                return Err("account, region, limit and cursor may be named once each");
            }
        }
        match (&filter.cursor, filter.limit) {
            (Some(_), None) => Err("a cursor goes with the limit that it was made with; ask as next says"),
            _ => Ok(filter),
        }
    }

    /// The query that asks for what follows.
    pub(super) fn query_behind(&self, cursor: &Cursor) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("account", &self.account), ("region", &self.region)] {
            query.extend_pairs(value.iter().map(|value| (name, value)));
        }
        query.extend_pairs(self.limit.map(|limit| ("limit", limit.to_string())));
        query.append_pair("cursor", &cursor.text());
        format!("?{}", query.finish())
    }

    /// The identity of this target with which the page before ended.
    pub(super) fn behind_in(&self, view: &TargetView) -> Option<&str> {
        self.cursor.as_ref().filter(|cursor| cursor.is_at(view)).map(|cursor| &*cursor.identity)
    }

    pub(super) fn wants(&self, view: &TargetView) -> bool {
        let account = self.account.is_none() || view.account.as_deref() == self.account.as_deref();
        account && self.region.as_deref().is_none_or(|region| region == &*view.target.region)
    }
}

fn limit(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| (1..=LARGEST_PAGE).contains(number));
    number.ok_or("limit is a number from 1 to 10000")
}

impl Cursor {
    /// Behind this identity of a target.
    pub(super) fn behind(view: &TargetView, identity: &str) -> Self {
        Self {
            account: view.account.as_deref().map(str::to_owned),
            region: view.target.region.to_string(),
            identity: identity.to_owned(),
        }
    }

    pub(super) fn is_at(&self, view: &TargetView) -> bool {
        self.account.as_deref() == view.account.as_deref() && *self.region == *view.target.region
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let cursor = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor.ok_or("the cursor is none that this agent made; ask for the first page, without a cursor")
    }

    /// Opaque to others, so that its inside may change.
    fn text(&self) -> String {
        let parts = serde_json::json!({
            "account": self.account, "region": self.region, "identity": self.identity,
        });
        URL_SAFE_NO_PAD.encode(parts.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_what_is_asked_for_and_nothing_else() {
        let wanted = |account: Option<&str>, region: Option<&str>, limit| {
            let (account, region) = (account.map(str::to_owned), region.map(str::to_owned));
            Ok(Filter { account, region, limit, cursor: None })
        };
        assert_eq!(Filter::parse(""), wanted(None, None, None));
        assert_eq!(Filter::parse("region=eu-west-1&account=a%20b%26"), wanted(Some("a b&"), Some("eu-west-1"), None));
        assert_eq!(Filter::parse("limit=10000"), wanted(None, None, Some(10_000)));
        for wrong in [
            "acount=a",
            "account=a&account=b",
            "=",
            "account=a&x=1",
            "limit=0",
            "limit=10001",
            "limit=-1",
            "limit=",
            "limit=5&limit=5",
            "limit=5&cursor=x",
            "limit=5&cursor=e30",
            "limit=5&cursor=",
        ] {
            assert!(Filter::parse(wrong).is_err_and(|sentence| !sentence.contains('\n')), "{wrong}");
        }
        assert!(Filter::parse("region").is_ok(), "the region without a name is none that there is");
    }

    #[test]
    fn what_follows_is_asked_for_with_the_same_filters() {
        let filter = Filter::parse("account=a+b%26&limit=7").expect("a query");
        let identity = "o'brien+\"x\"@shop.example".to_owned();
        let cursor = Cursor { account: Some("a b&".to_owned()), region: "eu-west-1".to_owned(), identity };
        let query = filter.query_behind(&cursor);
        let read = Filter::parse(query.trim_start_matches('?'));
        assert_eq!(read, Ok(Filter { cursor: Some(cursor.clone()), ..filter }));
        let alone = query.rsplit_once('&').expect("a cursor at the end").1;
        assert!(Filter::parse(alone).is_err(), "without its limit");
        let unknown = Cursor { account: None, ..cursor };
        assert_eq!(Cursor::parse(&unknown.text()), Ok(unknown));
    }
}
