//! Pages of identities, for both APIs: sorted by name, cut by size, continued by an opaque token.
//!
//! A token names the last identity of its page, so that identities which come and go in between neither repeat nor shift the rest. It
//! is bound to its account and region, as a real one is.

use std::ops::Bound;

use super::identity::Identity;
use super::region::Region;

/// One page.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) identities: Vec<&'a Identity>,
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
pub(super) fn cut<'a>(region: &'a Region, wanted: &Wanted<'_>, keep: impl Fn(&Identity) -> bool) -> Option<Page<'a>> {
    let after = match wanted.token {
        Some(token) if !wanted.endless => Some(name_in(token, wanted.key)?),
        _ => None,
    };
    let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rest = region.all_identities().range::<str, _>((from, Bound::Unbounded));
    let mut rest = rest.map(|(_, identity)| identity).filter(|identity| keep(identity));
    let identities: Vec<&Identity> = rest.by_ref().take(wanted.size).collect();
    let more = rest.next().is_some();
    let last = identities.last().filter(|_| more).map(|identity| token_for(&identity.name, wanted.key));
    // The token of the empty name leads to the first page: honest servers never hand it out.
    let next_token = if wanted.endless { Some(token_for("", wanted.key)) } else { last };
    Some(Page { identities, next_token })
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

    fn walk(region: &Region, size: usize) -> Vec<usize> {
        let (mut sizes, mut token) = (Vec::new(), None);
        loop {
            let wanted = Wanted { token: token.as_deref(), size, key: 7, endless: false };
            let page = cut(region, &wanted, |_| true).expect("a token of ours");
            sizes.push(page.identities.len());
            token = page.next_token;
            if token.is_none() {
                return sizes;
            }
        }
    }

    #[test]
    fn pages_cover_everything_once() {
        let region = Region::fresh("eu-west-1").identities(250);
        assert_eq!(walk(&region, 100), [100, 100, 50]);
        assert_eq!(walk(&region, 125), [125, 125], "no empty page at the end");
    }

    #[test]
    fn a_token_of_another_region_is_refused() {
        let region = Region::fresh("eu-west-1").identities(3);
        let token = token_for("domain-00000.test", 8);
        let wanted = Wanted { token: Some(&token), size: 1, key: 7, endless: false };
        assert!(cut(&region, &wanted, |_| true).is_none());
    }

    #[test]
    fn an_endless_list_repeats_its_first_page() {
        let region = Region::fresh("eu-west-1").identities(3);
        let first = cut(&region, &Wanted { token: None, size: 2, key: 7, endless: true }, |_| true).expect("a page");
        let token = first.next_token.as_deref();
        let second = cut(&region, &Wanted { token, size: 2, key: 7, endless: true }, |_| true).expect("a page");
        assert_eq!(first.next_token, second.next_token);
        assert_eq!(first.identities, second.identities);
    }
}
