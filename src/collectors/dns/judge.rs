//! From answers of DNS to what they say about one record. Pure: what it lacks it names, and is called again with it.
//!
//! That way the caller alone decides when and how much is asked, and a test is a table of answers. What tells only
//! *why* a record is wrong is asked for once it is, and when nobody answers that, the record is wrong all the same.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::content::{self, Dmarc, PublicSuffix};
use super::records::{Expected, Wanted};
use super::shown;
use super::spf::{self, Says};
use super::verdict::{Outcome, Reason, Sight};
use crate::dns::{Look, RecordType, Value, normal};

/// One thing to look up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// Where.
    pub(super) name: String,
    /// What.
    pub(super) what: RecordType,
}

/// What has been looked up so far.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<Question, Look>);

/// How a judgement goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This has to be looked up first. It is not among the answers yet.
    Ask(Question),
    /// The judgement.
    Saw(Sight),
}

/// Why a judgement stops early.
enum Stop {
    Ask(Question),
    Unknown(String),
}

/// Aliases lead over more than 8 names only by mistake; resolvers give up at about as many.
const MOST_ALIASES: usize = 8;
/// RFC 9989 (DMARC), 4.10: from a longer name, a tree walk goes on with its last 7 labels.
const MOST_DMARC_LABELS: usize = 7;
/// RFC 7208, 4.6.4: receivers give up a policy that takes more.
const MOST_SPF_LOOK_UPS: usize = 10;

/// Judges one record by the answers.
pub(super) fn judge(expected: &Expected, answers: &Answers) -> Next {
    match look_at(expected, answers) {
        Ok(sight) => Next::Saw(sight),
        Err(Stop::Ask(question)) => Next::Ask(question),
        Err(Stop::Unknown(why)) => Next::Saw(Sight { outcome: Outcome::Unknown, found: format!("not known: {why}") }),
    }
}

impl Answers {
    /// Adds an answer.
    pub(super) fn insert(&mut self, question: Question, look: Look) {
        self.0.insert(question, look);
    }

    fn look(&self, name: &str, what: RecordType) -> Result<&Look, Stop> {
        let question = Question { name: name.to_owned(), what };
        self.0.get(&question).ok_or(Stop::Ask(question))
    }

    /// The records there, none where it is proven that there are none.
    fn records(&self, name: &str, what: RecordType) -> Result<(&[Value], Duration), Stop> {
        match self.look(name, what)? {
            Look::Found { values, ttl } => Ok((values, *ttl)),
            Look::Nothing { ttl } => Ok((&[], *ttl)),
            Look::Unknown(why) | Look::Unanswered(why) => Err(Stop::Unknown(why.clone())),
        }
    }

    /// The records there, as far as anybody tells: for what can't change the verdict.
    fn hint(&self, name: &str, what: RecordType) -> Result<&[Value], Stop> {
        match self.look(name, what)? {
            Look::Found { values, .. } => Ok(values),
            Look::Nothing { .. } | Look::Unknown(_) | Look::Unanswered(_) => Ok(&[]),
        }
    }
}

fn look_at(expected: &Expected, answers: &Answers) -> Result<Sight, Stop> {
    match &expected.wanted {
        Wanted::Alias(targets) => alias(expected, targets, answers),
        Wanted::PublicKey => public_key(expected, answers),
        Wanted::BounceHost(region) => bounce_host(expected, region, answers),
        Wanted::SenderPolicy => sender_policy(expected, answers),
        Wanted::Dmarc => dmarc(expected, answers),
        Wanted::Token(token) => verification_token(expected, token, answers),
    }
}

fn right(ttl: Duration, found: &[Value]) -> Sight {
    Sight { outcome: Outcome::Right { ttl, policy: None }, found: shown::values(found) }
}

fn wrong(reason: Reason, found: &[Value]) -> Sight {
    Sight { outcome: Outcome::Wrong(reason), found: shown::values(found) }
}

fn alias(expected: &Expected, targets: &[String], answers: &Answers) -> Result<Sight, Stop> {
    let mut chain = vec![expected.name.clone()];
    let mut shortest = Duration::MAX;
    loop {
        let at = chain.last().map_or("", String::as_str);
        let (values, ttl) = answers.records(at, RecordType::Cname)?;
        let names = || values.iter().filter_map(|value| if let Value::Name(name) = value { Some(name) } else { None });
        let Some(first) = names().next() else { break };
        shortest = shortest.min(ttl);
        if names().any(|name| targets.contains(name)) {
            return Ok(right(shortest, values));
        }
        if chain.contains(first) || chain.len() >= MOST_ALIASES {
            return Ok(wrong(Reason::CnameLoop, values));
        }
        chain.push(first.clone());
    }
    let Some(end) = chain.get(1..).and_then(<[_]>::last) else {
        return if proxied(expected, answers)? {
            Ok(wrong(Reason::Proxied, &[Value::Address]))
        } else {
            absent(expected, RecordType::Cname, answers)
        };
    };
    let doubled = content::undoubled(end, &expected.name).any(|bare| targets.iter().any(|target| target == bare));
    let reason = if doubled { Reason::DoubledSuffix } else { Reason::PointsElsewhere };
    Ok(wrong(reason, &[Value::Name(end.clone())]))
}

/// Whether the name has addresses of its own, which a wildcard would give to any other name beside it too.
fn proxied(expected: &Expected, answers: &Answers) -> Result<bool, Stop> {
    let beside = format!("wildcard-probe._domainkey.{}", expected.domain);
    for what in [RecordType::A, RecordType::Aaaa] {
        if !answers.hint(&expected.name, what)?.is_empty() {
            return Ok(answers.hint(&beside, what)?.is_empty());
        }
    }
    Ok(false)
}

fn public_key(expected: &Expected, answers: &Answers) -> Result<Sight, Stop> {
    let (values, ttl) = answers.records(&expected.name, RecordType::Txt)?;
    match values {
        [] => absent(expected, RecordType::Txt, answers),
        _ if values.iter().any(|value| fits(expected, value)) => Ok(right(ttl, values)),
        _ => Ok(wrong(Reason::SelectorWithoutKey, values)),
    }
}

fn bounce_host(expected: &Expected, region: &str, answers: &Answers) -> Result<Sight, Stop> {
    let (values, ttl) = answers.records(&expected.name, RecordType::Mx)?;
    let host = match values {
        [] => return absent(expected, RecordType::Mx, answers),
        [Value::Mail { host, .. }] => host,
        _ => return Ok(wrong(Reason::SeveralRecords, values)),
    };
    // Asked first: with the domain appended, the host begins like the right one.
    let doubled = content::undoubled(host, &expected.name).any(|bare| content::bounce_region(bare).is_some());
    if doubled || content::is_bounce_host_with_more(host) {
        return Ok(wrong(Reason::DoubledSuffix, values));
    }
    Ok(match content::bounce_region(host) {
        Some(of) if of == region => right(ttl, values),
        Some(_) => wrong(Reason::WrongRegion, values),
        None => wrong(Reason::PointsElsewhere, values),
    })
}

fn sender_policy(expected: &Expected, answers: &Answers) -> Result<Sight, Stop> {
    let (values, ttl) = answers.records(&expected.name, RecordType::Txt)?;
    let policies: Vec<Value> = values.iter().filter(|value| text(value).is_some_and(spf::is_policy)).cloned().collect();
    match policies.as_slice() {
        [] => absent(expected, RecordType::Txt, answers),
        [one] => Ok(match lets_ses_send(text(one).unwrap_or_default(), answers)? {
            Some(shortest) => right(ttl.min(shortest), &policies),
            None => wrong(Reason::WrongValue, &policies),
        }),
        _ => Ok(wrong(Reason::SeveralRecords, &policies)),
    }
}

/// Whether a policy takes in SES, itself or by way of the policies that it names, and how long those last.
fn lets_ses_send(policy: &str, answers: &Answers) -> Result<Option<Duration>, Stop> {
    let mut shortest = Duration::MAX;
    let mut asked = 0;
    let mut policies = VecDeque::from([policy]);
    while let Some(policy) = policies.pop_front() {
        let domains = match spf::says(policy) {
            Says::Yes => return Ok(Some(shortest)),
            Says::No => continue,
            Says::Ask(domains) => domains,
        };
        for domain in domains {
            asked += 1;
            if asked > MOST_SPF_LOOK_UPS {
                return Err(Stop::Unknown(format!("SPF takes more than {MOST_SPF_LOOK_UPS} look-ups")));
            }
            let (values, ttl) = answers.records(&normal(domain), RecordType::Txt)?;
            shortest = shortest.min(ttl);
            policies.extend(values.iter().filter_map(text).filter(|text| spf::is_policy(text)));
        }
    }
    Ok(None)
}

/// The domain's own record counts, else that of its organisation: the last valid one on the way up.
fn dmarc(expected: &Expected, answers: &Answers) -> Result<Sight, Stop> {
    if let Some((own, _)) = dmarc_at(&expected.domain, false, answers)? {
        return Ok(own);
    }
    let mut above = None;
    for domain in content::enclosing(&expected.domain).skip(1).filter(|domain| is_walked(domain)) {
        let Some((sight, suffix)) = dmarc_at(domain, true, answers)? else { continue };
        if suffix == PublicSuffix::Yes {
            continue;
        }
        if above.is_none() || matches!(sight.outcome, Outcome::Right { .. }) {
            above = Some(sight);
        }
        if suffix == PublicSuffix::No {
            break;
        }
    }
    if let Some(above) = above {
        return Ok(above);
    }
    match answers.records(&expected.name, RecordType::Txt)? {
        ([], _) => absent(expected, RecordType::Txt, answers),
        (values, _) => Ok(wrong(Reason::WrongValue, values)),
    }
}

/// Whether receivers ask a domain above, on the way from one of many labels.
fn is_walked(domain: &str) -> bool {
    domain.split('.').count() <= MOST_DMARC_LABELS
}

/// What the DMARC records of one domain say, if there are any.
fn dmarc_at(domain: &str, from_above: bool, answers: &Answers) -> Result<Option<(Sight, PublicSuffix)>, Stop> {
    let (values, ttl) = answers.records(&format!("_dmarc.{domain}"), RecordType::Txt)?;
    let (records, shown): (Vec<Dmarc<'_>>, Vec<Value>) =
        values.iter().filter_map(|value| Some((Dmarc::parse(text(value)?)?, value.clone()))).unzip();
    Ok(match records.as_slice() {
        [] => None,
        [record] => {
            let sight = match record.policy(from_above) {
                Some(policy) => Sight { outcome: Outcome::Right { ttl, policy: Some(policy) }, ..right(ttl, &shown) },
                None => wrong(Reason::WrongValue, &shown),
            };
            Some((sight, record.public_suffix()))
        }
        _ => Some((wrong(Reason::SeveralRecords, &shown), PublicSuffix::Unsaid)),
    })
}

fn verification_token(expected: &Expected, token: &str, answers: &Answers) -> Result<Sight, Stop> {
    // Providers that take no underscore get the record at the domain itself (SES developer guide, domain verification).
    let (at_domain, domain_ttl) = match answers.records(&expected.name, RecordType::Txt)? {
        (values, ttl) if values.iter().any(|value| fits(expected, value)) => return Ok(right(ttl, values)),
        _ => answers.records(&expected.domain, RecordType::Txt)?,
    };
    if let Some(value) = at_domain.iter().find(|value| text(value).is_some_and(|text| text.contains(token))) {
        return Ok(right(domain_ttl, std::slice::from_ref(value)));
    }
    match answers.records(&expected.name, RecordType::Txt)? {
        ([], _) => absent(expected, RecordType::Txt, answers),
        (values, _) => Ok(wrong(Reason::WrongValue, values)),
    }
}

/// Nothing is where the record should be: finds out where it went.
fn absent(expected: &Expected, what: RecordType, answers: &Answers) -> Result<Sight, Stop> {
    let zone = answers.hint(&expected.domain, RecordType::Soa)?.first();
    let mut suffixes = vec![expected.domain.as_str()];
    if let Some(Value::Zone { name, .. }) = zone {
        suffixes.push(name);
        suffixes.dedup();
    }
    for suffix in suffixes {
        let doubled = format!("{}.{suffix}", expected.name);
        let values = answers.hint(&doubled, what)?;
        if values.iter().any(|value| fits(expected, value)) {
            let found = format!("nothing there, but at {doubled}: {}", shown::values(values));
            return Ok(Sight { outcome: Outcome::Wrong(Reason::DoubledSuffix), found });
        }
    }
    if let (Some(Value::Zone { primary, .. }), Some(seen)) = (zone, &expected.primary_name_server)
        && primary != seen
    {
        let name = |name: &str| shown::values(&[Value::Name(name.to_owned())]);
        let found = format!("nothing, in a zone of {}; SES saw it at {}", name(primary), name(seen));
        return Ok(Sight { outcome: Outcome::Wrong(Reason::OtherNameServers), found });
    }
    Ok(wrong(Reason::Missing, &[]))
}

/// Whether a single value is what was wanted.
fn fits(expected: &Expected, value: &Value) -> bool {
    match (&expected.wanted, value) {
        (Wanted::Alias(targets), Value::Name(name)) => {
            targets.contains(name)
                || content::undoubled(name, &expected.name).any(|bare| targets.iter().any(|target| target == bare))
        }
        (Wanted::BounceHost(region), Value::Mail { host, .. }) => content::bounce_region(host) == Some(region),
        (Wanted::PublicKey, Value::Text(text)) => content::has_public_key(text),
        (Wanted::SenderPolicy, Value::Text(text)) => spf::is_policy(text) && spf::says(text) == Says::Yes,
        (Wanted::Dmarc, Value::Text(text)) => Dmarc::parse(text).is_some(),
        (Wanted::Token(token), Value::Text(text)) => text.contains(token.as_str()),
        _ => false,
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

#[cfg(test)]
mod tests;
