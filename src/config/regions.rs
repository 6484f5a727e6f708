//! Regions as people write them: `"all"` or a list, in the file or in `--aws.regions`.

use super::Regions;
use super::mistakes::{At, Notes, nearest};
use super::reader::{Slip, Value, Wrong};
use crate::target::{REGIONS, partition, ses_region};

/// The argument that replaces `[aws] regions`.
const ARGUMENT: &str = "--aws.regions or SES_EXPORTER_REGIONS";

/// Reads `"all"` or a list of regions.
pub(super) fn regions(value: &Value<'_>) -> Result<Regions, Wrong> {
    if let Some(word) = value.get_ref().as_str() {
        // Only a known region is shown.
        let example = ses_region(word).map_or("eu-west-1", |region| region.name);
        let wrong = || Wrong::new(value, format!("must be \"all\" or a list of regions; write [\"{example}\"]"));
        return if word == "all" { Ok(Regions::All) } else { Err(wrong()) };
    }
    let names = names(value, "\"all\" or a list of regions")?;
    together(names).map_err(|what| Wrong::new(value, what))
}

/// Reads a list of regions, which may be of several partitions, in the order in which it is written.
pub(super) fn codes(value: &Value<'_>) -> Result<Vec<String>, Wrong> {
    let names = names(value, "a list of regions")?;
    if names.is_empty() { Err(Wrong::new(value, "is an empty list; name a region")) } else { Ok(names) }
}

/// Reads one region.
pub(super) fn code(value: &Value<'_>) -> Result<String, Wrong> {
    let name = value.get_ref().as_str().ok_or_else(|| Wrong::kind(value, "a region in quotes"))?;
    check(name, &[]).map_err(|what| Wrong::new(value, what))
}

/// The code of a region, or what is wrong with it.
pub fn region_code(text: &str) -> Result<String, String> {
    check(text, &[])
}

fn names(value: &Value<'_>, expected: &str) -> Result<Vec<String>, Wrong> {
    let array = value.get_ref().as_array().ok_or_else(|| Wrong::kind(value, expected))?;
    let mut slips = Vec::new();
    let mut names = Vec::new();
    for (index, element) in array.iter().enumerate() {
        let slip = |what| Slip { byte: element.span().start, index: Some(index), what };
        let checked = element.get_ref().as_str().ok_or_else(|| "must be a region in quotes".to_owned());
        match checked.and_then(|name| check(name, &names)) {
            Ok(name) => names.push(name),
            Err(what) => slips.push(slip(what)),
        }
    }
    if slips.is_empty() { Ok(names) } else { Err(Wrong(slips)) }
}

/// Reads the text of [`ARGUMENT`]; none where it says nothing.
pub(super) fn argument(text: &str, notes: &mut Notes) -> Option<Regions> {
    match text.trim() {
        "" => return None,
        "all" => return Some(Regions::All),
        _ => {}
    }
    let mut names = Vec::new();
    let mut right = true;
    for (index, name) in text.split(',').map(str::trim).enumerate() {
        match check(name, &names) {
            Ok(name) => names.push(name),
            Err(what) => {
                right = false;
                notes.add(At::Argument(ARGUMENT), format!("region {}", index + 1), what);
            }
        }
    }
    let regions = together(names);
    match regions {
        Ok(regions) => Some(regions),
        // An empty list here is what the mistakes above have left.
        Err(what) if right => {
            notes.add(At::Argument(ARGUMENT), "", what);
            None
        }
        Err(_) => None,
    }
}

/// One region of a list whose earlier ones are `before`.
fn check(name: &str, before: &[String]) -> Result<String, String> {
    if !is_code(name) {
        // Not shown: it may be anything.
        let hint = nearest(name, REGIONS.iter().map(|region| region.name)).unwrap_or("eu-west-1");
        return Err(format!("is no code of a region; write one such as \"{hint}\""));
    }
    if before.iter().any(|earlier| earlier == name) {
        return Err(format!("{name} stands in this list twice; remove one"));
    }
    if ses_region(name).is_some() || is_next_of_its_kind(name) {
        return Ok(name.to_owned());
    }
    match nearest(name, REGIONS.iter().map(|region| region.name)) {
        Some(known) => Err(format!("unknown region {name}; did you mean {known}?")),
        // AWS opens regions faster than people update agents.
        None => Ok(name.to_owned()),
    }
}

/// What holds for the list as a whole.
fn together(mut names: Vec<String>) -> Result<Regions, String> {
    let Some(first) = names.first() else {
        return Err("is an empty list; name a region or remove the key".into());
    };
    if let Some(other) = names.iter().find(|name| partition(name) != partition(first)) {
        let (one, two) = (partition(first), partition(other));
        return Err(format!(
            "{first} is in partition {one} and {other} in {two}, and no credentials are good for both; write [[accounts]] \
             for each"
        ));
    }
    names.sort();
    Ok(Regions::List(names))
}

/// Whether it looks like `xx-name-N`.
fn is_code(name: &str) -> bool {
    let mut parts = name.split('-');
    let number = parts.next_back().is_some_and(|n| (1..=2).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()));
    let words: Vec<_> = parts.collect();
    let lower = words.iter().all(|word| (2..=10).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()));
    number && lower && (2..=3).contains(&words.len()) && words.first().is_some_and(|area| area.len() <= 4)
}

/// Whether it is the next number of a known kind, as `ap-southeast-8` after `ap-southeast-7`. That is how AWS names
/// most new regions, and each of them is one character away from a known one, which makes it no slip.
fn is_next_of_its_kind(name: &str) -> bool {
    let split = |name: &str| {
        let (kind, number) = name.rsplit_once('-')?;
        Some((kind.to_owned(), number.parse::<u8>().ok()?))
    };
    let Some((kind, number)) = split(name) else { return false };
    let highest = REGIONS.iter().filter_map(|region| split(region.name)).filter(|known| known.0 == kind).max();
    highest.is_some_and(|known| number == known.1 + 1)
}

impl Regions {
    /// Whether this region is one of them, for an account of this partition. What is not known before the start is taken
    /// for true.
    pub(super) fn may_include(&self, region: &str, of_account: Option<&str>) -> bool {
        match self {
            Self::All => {
                ses_region(region).is_some_and(|known| of_account.is_none_or(|partition| known.partition == partition))
            }
            Self::List(list) => list.iter().any(|name| name == region),
            Self::FromEnvironment => true,
        }
    }

    /// Whether both name the same region. Where one of them is not known before the start, nothing is said.
    pub(super) fn overlap(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) | (Self::FromEnvironment, Self::FromEnvironment) => true,
            (Self::All, Self::List(list)) | (Self::List(list), Self::All) => {
                list.iter().any(|name| ses_region(name).is_some())
            }
            (Self::List(one), Self::List(two)) => one.iter().any(|name| two.contains(name)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument_of(text: &str) -> (Option<Regions>, bool) {
        let mut notes = Notes::default();
        let regions = argument(text, &mut notes);
        (regions, notes.is_empty())
    }

    #[test]
    fn regions_that_aws_may_open_are_taken_and_slips_are_not() {
        for good in ["eu-west-1", "ap-southeast-8", "eu-west-4", "us-gov-west-1", "xy-northwest-1"] {
            assert_eq!(check(good, &[]), Ok(good.to_owned()));
        }
        for bad in ["eu-wset-1", "us-east-11", "us-east-4", "eu-west", "EU-WEST-1", "", "a secret", "eu--1"] {
            assert!(check(bad, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_argument_is_a_list_all_or_nothing() {
        let list = Regions::List(vec!["eu-west-1".into(), "us-east-1".into()]);
        assert_eq!(argument_of(" us-east-1, eu-west-1"), (Some(list), true));
        assert_eq!(argument_of("all"), (Some(Regions::All), true));
        assert_eq!(argument_of(" "), (None, true));
        assert!(!argument_of("eu-west-1,").1);
    }

    #[test]
    fn regions_overlap_where_one_is_in_both() {
        let list = |names: &[&str]| Regions::List(names.iter().map(ToString::to_string).collect());
        assert!(Regions::All.overlap(&list(&["eu-west-1"])));
        assert!(list(&["eu-west-1", "eu-west-2"]).overlap(&list(&["eu-west-2"])));
        assert!(!list(&["eu-west-1"]).overlap(&list(&["eu-west-2"])));
        assert!(!Regions::FromEnvironment.overlap(&Regions::All));
    }
}
