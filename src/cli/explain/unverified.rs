//! `Email address is not verified.`: who can be meant, and what mends it. The error never tells a sender from a recipient.

use std::collections::BTreeSet;

use super::explanation::{Explained, Explanation, Role};
use crate::judgements::send_path::is_mailbox_simulator;
use crate::rejection::{Identity, Rejection};
use crate::remedy::{Need, Remedy, Scope, domain_of_ones_own, remedy};

/// So many identities get commands of their own; the rest are mended alike.
const MOST: usize = 3;

pub(super) fn explanation(rejection: &Rejection, identities: &[Identity], cut: bool) -> Explanation {
    let place = rejection.region.as_deref().map_or("the region that your program calls".to_owned(), str::to_owned);
    let mut seen = BTreeSet::new();
    let identities: Vec<Explained> =
        identities.iter().filter(|identity| seen.insert(&identity.name)).map(explained).collect();
    let mut explanation = Explanation::new(
        rejection,
        format!("SES refused the message, because an address in it is not verified in {place}."),
    );
    explanation.means(
        "A sender has to be verified always: From, Source, Sender and Return-Path, each for itself or by its domain. A recipient \
         has to be verified only while the account is in the sandbox. Both hold for one region: an identity, and production \
         access, that are there in another region do not count here.",
    );
    explanation.means(match rejection.region {
        Some(_) => "The region in the error is where SES was really called, whatever your settings say.",
        None => "The error does not say in which region SES was called. It is that of the host your program talks to, such as \
                 email.REGION.amazonaws.com or email-smtp.REGION.amazonaws.com.",
    });
    explanation.look_at = vec![
        "which address failed: one of yours is a sender, one of somebody else's is a recipient, so the sandbox is still on".to_owned(),
        "the spelling: what stands before the @ is case-sensitive for SES, and a program may send from another address than you \
         think (a default From, a Return-Path)"
            .to_owned(),
        "the region in your settings: AWS_REGION, region_name, the host; libraries fall back on us-east-1".to_owned(),
    ];
    explanation.remedies = remedies(rejection.region.as_deref(), &identities);
    explanation.identities = identities;
    explanation.more_identities = cut;
    explanation
}

/// An identity that an argument names.
pub(super) fn by_name(name: &str) -> Explained {
    explained(&Identity { written: name.to_owned(), name: name.to_owned() })
}

fn explained(identity: &Identity) -> Explained {
    let (name, domain) = match identity.name.rsplit_once('@') {
        Some((_, domain)) => (identity.name.clone(), Some(domain.to_ascii_lowercase())),
        // Sending on behalf of another account, SES names the ARN of the identity.
        None => (identity.name.rsplit('/').next().unwrap_or_default().to_owned(), None),
    };
    let only_sender = domain.is_none() || is_mailbox_simulator(&name);
    let roles = if only_sender { vec![Role::Sender] } else { vec![Role::Sender, Role::SandboxRecipient] };
    Explained { written: identity.written.clone(), name, domain, roles }
}

fn remedies(region: Option<&str>, identities: &[Explained]) -> Vec<Remedy> {
    let scope = |name| Scope { region, name, ..Scope::default() };
    let first = identities.first().map(|identity| identity.name.as_str());
    let mut remedies = vec![remedy(Need::LookAtAccount, scope(None)), remedy(Need::LookAtIdentity, scope(first))];
    for domain in domains(identities).into_iter().take(MOST) {
        remedies.push(remedy(Need::VerifyDomain, scope(Some(domain))));
    }
    for identity in identities.iter().take(MOST) {
        remedies.push(remedy(Need::VerifyAddress, scope(Some(&identity.name))));
    }
    if identities.is_empty() {
        remedies.push(remedy(Need::VerifyDomain, scope(None)));
        remedies.push(remedy(Need::VerifyAddress, scope(None)));
    }
    remedies.push(remedy(Need::RequestProductionAccess, scope(None)));
    remedies.push(remedy(Need::UseRegion, Scope { region: None, ..scope(first) }));
    remedies
}

/// The domains that somebody with this error can have a hand in.
fn domains(identities: &[Explained]) -> BTreeSet<&str> {
    let domains = identities.iter().filter_map(|identity| identity.domain.as_deref());
    domains.filter_map(domain_of_ones_own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::read;

    fn of(identities: &str) -> Explanation {
        let text = format!(
            "Email address is not verified. The following identities failed the check in region EU-WEST-1: {identities}"
        );
        Explanation::of(&read(&text)[0])
    }

    fn commands(explanation: &Explanation) -> String {
        explanation.remedies.iter().filter_map(|remedy| remedy.command.clone()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_address_can_be_both_and_a_simulator_only_a_sender() {
        let roles = |identities| of(identities).identities[0].roles.clone();
        assert_eq!(roles("a@shop.example"), [Role::Sender, Role::SandboxRecipient]);
        assert_eq!(roles("success+1@simulator.amazonses.com"), [Role::Sender]);
        let nobody = roles("nobody@simulator.amazonses.com");
        assert_eq!(nobody, [Role::Sender, Role::SandboxRecipient], "SES takes five names only");
        assert_eq!(roles("arn:aws:ses:eu-west-1:1:identity/shop.example"), [Role::Sender]);
    }

    #[test]
    fn an_identity_that_stands_there_twice_is_one() {
        assert_eq!(of("Shop <a@shop.example>, a@shop.example").identities.len(), 1);
    }

    #[test]
    fn nobody_is_told_to_verify_a_mail_provider() {
        let commands = commands(&of("x@gmail.com, y@shop.example"));
        assert!(!commands.contains("--email-identity gmail.com") && commands.contains("--email-identity x@gmail.com"));
        assert!(commands.contains("--email-identity shop.example"));
    }

    #[test]
    fn the_arn_of_another_account_is_told_by_its_name() {
        assert!(
            commands(&of("arn:aws:ses:eu-west-1:1:identity/shop.example")).contains("--email-identity shop.example")
        );
    }
}
