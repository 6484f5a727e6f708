//! Pages of what has a name, for both APIs: sorted by name, cut by size, continued by an opaque token.
//!
//! A token holds the last name of its page, so that what comes and goes in between neither repeats nor shifts the rest. It is bound to
//! its account and region, as a real one is. It does not know what it pages: identities or configuration sets.

use std::collections::BTreeMap;
use std::ops::Bound;

/// One page.
#[derive(Debug)]
pub(super) struct Page<'a, T> {
    pub(super) items: Vec<(&'a str, &'a T)>,
    pub(super) next_token: Option<String>,
}

/// Which page is wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) size: usize,
    /// Whose token it must be.
    pub(super) key: u64,
    /// Always the first page, and always its token: the fault "endless paging".
    pub(super) endless: bool,
}

/// Cuts a page; `None` when the token is not one of ours.
pub(super) fn cut<'a, T>(
    all: &'a BTreeMap<String, T>,
    wanted: &Wanted<'_>,
    keep: impl Fn(&str, &T) -> bool,
) -> Option<Page<'a, T>> {
    let after = match wanted.token {
        Some(token) if !wanted.endless => Some(name_in(token, wanted.key)?),
        _ => None,
    };
    let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rest = all.range::<str, _>((from, Bound::Unbounded)).map(|(name, item)| (name.as_str(), item));
    let mut rest = rest.filter(|(name, item)| keep(name, item));
    let items: Vec<_> = rest.by_ref().take(wanted.size).collect();
    let more = rest.next().is_some();
    let last = items.last().filter(|_| more).map(|(name, _)| token_for(name, wanted.key));
    // The token of the empty name leads to the first page: honest servers never hand it out.
    let next_token = if wanted.endless { Some(token_for("", wanted.key)) } else { last };
    Some(Page { items, next_token })
}

fn token_for(name: &str, key: u64) -> String {
    name.bytes().fold(format!("{key:016x}"), |token, byte| format!("{token}{byte:02x}"))
}

fn name_in(token: &str, key: u64) -> Option<String> {
    let digits = token.strip_prefix(&format!("{key:016x}"))?;
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(count: u32) -> BTreeMap<String, u32> {
        (0..count).map(|number| (format!("domain-{number:05}.test"), number)).collect()
    }

    fn walk(all: &BTreeMap<String, u32>, size: usize) -> Vec<usize> {
        let (mut sizes, mut token) = (Vec::new(), None);
        loop {
            let wanted = Wanted { token: token.as_deref(), size, key: 7, endless: false };
            let page = cut(all, &wanted, |_, _| true).expect("a token of ours");
            sizes.push(page.items.len());
            token = page.next_token;
            if token.is_none() {
                return sizes;
            }
        }
    }

    #[test]
    fn pages_cover_everything_once() {
        let all = all(250);
        assert_eq!(walk(&all, 100), [100, 100, 50]);
        assert_eq!(walk(&all, 125), [125, 125], "no empty page at the end");
    }

    #[test]
    fn a_token_of_another_region_is_refused() {
        let all = all(3);
        let token = token_for("domain-00000.test", 8);
        let wanted = Wanted { token: Some(&token), size: 1, key: 7, endless: false };
        assert!(cut(&all, &wanted, |_, _| true).is_none());
    }

    #[test]
    fn an_endless_list_repeats_its_first_page() {
        let all = all(3);
        let first = cut(&all, &Wanted { token: None, size: 2, key: 7, endless: true }, |_, _| true).expect("a page");
        let token = first.next_token.as_deref();
        let second = cut(&all, &Wanted { token, size: 2, key: 7, endless: true }, |_, _| true).expect("a page");
        assert_eq!(first.next_token, second.next_token);
        assert_eq!(first.items, second.items);
    }
}
