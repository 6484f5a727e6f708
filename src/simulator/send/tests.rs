//! The rules as a table: what the account is like, what the message says, what becomes of it.
//!
//! Expectations are written from the documentation that `send` names, each refusal in the words in which a person would read it.

use serde_json::{Value, json};

use super::*;

/// One row: a name, how the region differs from a healthy one, the message, and what becomes of it.
type Row = (&'static str, Region, Message, Result<[u64; 3], &'static str>);

const SHOP: &str = "noreply@shop.example";
const EVE: &str = "eve@customer.example";
const NOT_EVE: &str = "Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                       eve@customer.example";
const NOT_SHOP: &str = "Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                        noreply@shop.example";
const PAUSED: &str = "Sending paused for this account. For more information, please check the inbox of the email address \
                      associated with your AWS account.";
const QUOTA: &str = "Daily message quota exceeded.";
const RATE: &str = "Maximum sending rate exceeded.";
const MAIL_FROM: &str = "Mail-From domain is not verified";

/// All recipients, those counted and those delivered to.
const TAKEN: Result<[u64; 3], &str> = Ok([1, 1, 1]);
/// The mailbox simulator counts in the rate alone.
const SIMULATED: Result<[u64; 3], &str> = Ok([1, 0, 0]);

/// In production, with `shop.example` verified.
fn production() -> Region {
    Region::production("eu-west-1", 50_000.0, 14.0).identity(Identity::domain("shop.example"))
}

/// In the sandbox, with `shop.example` verified.
fn sandbox() -> Region {
    Region::fresh("eu-west-1").identity(Identity::domain("shop.example"))
}

/// In the sandbox, with these identities alone.
fn with(identities: &[(&str, &str)]) -> Region {
    let add = |region: Region, (name, status): &(&str, &str)| region.identity(Identity::named(*name).status(status));
    identities.iter().fold(Region::fresh("eu-west-1"), add)
}

/// In production with these identities alone.
fn granted(identities: &[(&str, &str)]) -> Region {
    with(identities).patched(&json!({ "ProductionAccessEnabled": true }))
}

fn mail(from: &str, to: &[&str]) -> Message {
    let recipients = to.iter().map(|to| (*to).to_owned()).collect();
    Message { senders: vec![from.to_owned()], recipients, configuration_set: None }
}

fn to_eve() -> Message {
    mail(SHOP, &[EVE])
}

fn through(set: &str) -> Message {
    Message { configuration_set: Some(set.to_owned()), ..to_eve() }
}

fn also_from(sender: &str) -> Message {
    let mut message = to_eve();
    message.senders.push(sender.to_owned());
    message
}

fn to_many(count: usize) -> Message {
    let recipients = (0..count).map(|number| format!("a{number}@customer.example")).collect();
    Message { recipients, ..to_eve() }
}

fn patched(region: Region, patch: &Value) -> Region {
    region.patched(patch)
}

fn mail_from(status: &str, behavior: &str) -> Region {
    production().identity(Identity::domain("shop.example").mail_from("mail.shop.example", status, behavior))
}

fn set(name: &str) -> ConfigurationSet {
    ConfigurationSet::new(name)
}

fn default_set(name: &str) -> Region {
    production().identity(Identity::domain("shop.example").configuration_set(name))
}

fn the_account() -> Vec<Row> {
    vec![
        ("production", production(), to_eve(), TAKEN),
        ("the sandbox", sandbox(), to_eve(), Err(NOT_EVE)),
        ("probation is no pause", production().enforcement("PROBATION"), to_eve(), TAKEN),
        ("an unknown enforcement is none", production().enforcement("WEIRD"), to_eve(), TAKEN),
        ("shut down", production().enforcement("SHUTDOWN"), to_eve(), Err(PAUSED)),
        (
            "shut down, whatever the switch says",
            patched(production().enforcement("SHUTDOWN"), &json!({ "SendingEnabled": true })),
            to_eve(),
            Err(PAUSED),
        ),
        ("switched off", production().paused(), to_eve(), Err(PAUSED)),
        ("the switch is not told", patched(production(), &json!({ "SendingEnabled": null })), to_eve(), TAKEN),
        ("a pause comes before identities", sandbox().paused(), to_eve(), Err(PAUSED)),
        ("a pause comes before the set", production().paused(), through("none"), Err(PAUSED)),
        (
            "a pause holds for the mailbox simulator",
            production().paused(),
            mail(SHOP, &["success@simulator.amazonses.com"]),
            Err(PAUSED),
        ),
        ("pending is still the sandbox", sandbox().review("PENDING", None), to_eve(), Err(NOT_EVE)),
        ("a grant alone is none", sandbox().review("GRANTED", None), to_eve(), Err(NOT_EVE)),
        (
            "production that is not told is none",
            patched(production(), &json!({ "ProductionAccessEnabled": null })),
            to_eve(),
            Err(NOT_EVE),
        ),
    ]
}

fn the_sender() -> Vec<Row> {
    vec![
        ("no identity", granted(&[]), to_eve(), Err(NOT_SHOP)),
        ("the address", granted(&[(SHOP, "SUCCESS")]), to_eve(), TAKEN),
        ("the address is pending", granted(&[(SHOP, "PENDING")]), to_eve(), Err(NOT_SHOP)),
        ("the address has failed", granted(&[(SHOP, "FAILED")]), to_eve(), Err(NOT_SHOP)),
        ("the address was never started", granted(&[(SHOP, "NOT_STARTED")]), to_eve(), Err(NOT_SHOP)),
        ("the domain is pending", granted(&[("shop.example", "PENDING")]), to_eve(), Err(NOT_SHOP)),
        (
            "the domain covers a pending address",
            granted(&[(SHOP, "PENDING"), ("shop.example", "SUCCESS")]),
            to_eve(),
            TAKEN,
        ),
        ("a parent domain", granted(&[("example", "SUCCESS")]), to_eve(), TAKEN),
        ("a subdomain covers nothing above", granted(&[("eu.shop.example", "SUCCESS")]), to_eve(), Err(NOT_SHOP)),
        (
            "a subdomain is covered",
            granted(&[("shop.example", "SUCCESS")]),
            mail("noreply@a.b.shop.example", &[EVE]),
            TAKEN,
        ),
        ("an ending is no parent", granted(&[("hop.example", "SUCCESS")]), to_eve(), Err(NOT_SHOP)),
        ("domains have no case", granted(&[("Shop.Example", "SUCCESS")]), mail("noreply@SHOP.example", &[EVE]), TAKEN),
        ("the domain of an address has no case", granted(&[("noreply@SHOP.example", "SUCCESS")]), to_eve(), TAKEN),
        (
            "local parts have case",
            granted(&[(SHOP, "SUCCESS")]),
            mail("NoReply@shop.example", &[EVE]),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 NoReply@shop.example"),
        ),
        ("a label is covered", granted(&[(SHOP, "SUCCESS")]), mail("noreply+eu@shop.example", &[EVE]), TAKEN),
        ("a label covers only itself", granted(&[("noreply+eu@shop.example", "SUCCESS")]), to_eve(), Err(NOT_SHOP)),
        ("a name", production(), mail("Shop <noreply@shop.example>", &[EVE]), TAKEN),
        (
            "a name is repeated in the refusal",
            granted(&[]),
            mail("Shop <noreply@shop.example>", &[EVE]),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 Shop <noreply@shop.example>"),
        ),
        ("a managed domain", granted(&[]).identity(Identity::managed_domain("shop.example")), to_eve(), TAKEN),
        ("the return path", production(), also_from("bounces@shop.example"), TAKEN),
        (
            "the return path of others",
            production(),
            also_from("bounces@other.example"),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 bounces@other.example"),
        ),
        ("a word that no SDK knows is not verified", granted(&[(SHOP, "QUANTUM")]), to_eve(), Err(NOT_SHOP)),
        (
            "a failure for a while is refused if it is switched off",
            granted(&[(SHOP, "TEMPORARY_FAILURE")]),
            to_eve(),
            Err(NOT_SHOP),
        ),
        ("a failure for a while sends if it is switched on", granted(&[]).identity(flickering(true)), to_eve(), TAKEN),
        ("a verified one sends though it is switched off", granted(&[]).identity(switched_off()), to_eve(), TAKEN),
        (
            "the mailbox simulator is no sender",
            production(),
            mail("success@simulator.amazonses.com", &[EVE]),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 success@simulator.amazonses.com"),
        ),
    ]
}

fn flickering(sending_enabled: bool) -> Identity {
    let mut identity = Identity::domain("shop.example").status("TEMPORARY_FAILURE");
    identity.sending_enabled = sending_enabled;
    identity
}

fn switched_off() -> Identity {
    let mut identity = Identity::domain("shop.example");
    identity.sending_enabled = false;
    identity
}

fn the_recipients() -> Vec<Row> {
    let sandbox_with = |name: &str, status: &str| sandbox().identity(Identity::named(name).status(status));
    vec![
        ("oneself", sandbox(), mail(SHOP, &["info@shop.example"]), TAKEN),
        ("the address", sandbox_with(EVE, "SUCCESS"), to_eve(), TAKEN),
        ("the address is pending", sandbox_with(EVE, "PENDING"), to_eve(), Err(NOT_EVE)),
        ("the domain", sandbox_with("customer.example", "SUCCESS"), to_eve(), TAKEN),
        (
            "the label of a verified address",
            sandbox_with(EVE, "SUCCESS"),
            mail(SHOP, &["eve+shop@customer.example"]),
            TAKEN,
        ),
        ("the mailbox simulator", sandbox(), mail(SHOP, &["success@simulator.amazonses.com"]), SIMULATED),
        (
            "the mailbox simulator with a label",
            sandbox(),
            mail(SHOP, &["bounce+order-7@simulator.amazonses.com"]),
            SIMULATED,
        ),
        ("the mailbox simulator in production", production(), mail(SHOP, &["ooto@simulator.amazonses.com"]), SIMULATED),
        (
            "no address of the mailbox simulator",
            sandbox(),
            mail(SHOP, &["reject@simulator.amazonses.com"]),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 reject@simulator.amazonses.com"),
        ),
        ("one of two", sandbox(), mail(SHOP, &["info@shop.example", EVE]), Err(NOT_EVE)),
        (
            "sender and recipients, each once",
            with(&[]),
            mail(SHOP, &[EVE, "bob@customer.example", EVE, SHOP]),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 noreply@shop.example, eve@customer.example, bob@customer.example"),
        ),
        (
            "so many that the list is cut",
            sandbox(),
            to_many(12),
            Err("Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                 a0@customer.example, a1@customer.example, a2@customer.example, a3@customer.example, a4@customer.example, \
                 a5@customer.example, a6@customer.example, a7@customer.example, a8@customer.example, a9@customer.example, …"),
        ),
        ("fifty", production(), to_many(50), Ok([50, 50, 50])),
        ("fifty-one", production(), to_many(51), Err("Recipient count exceeds 50.")),
        ("fifty-one in the sandbox", sandbox(), to_many(51), Err("Recipient count exceeds 50.")),
        ("a suppressed one", production().suppressed(EVE, "BOUNCE"), to_eve(), Ok([1, 1, 0])),
        (
            "a suppressed one of two",
            production().suppressed(EVE, "BOUNCE"),
            mail(SHOP, &[EVE, "bob@x.example"]),
            Ok([2, 2, 1]),
        ),
        (
            "a suppressed one of a set that suppresses nothing",
            production().suppressed(EVE, "BOUNCE").configuration_set(set("main").suppressed_reasons(&[])),
            through("main"),
            TAKEN,
        ),
        (
            "the simulator and a customer",
            production(),
            mail(SHOP, &["success@simulator.amazonses.com", EVE]),
            Ok([2, 1, 1]),
        ),
    ]
}

fn set_and_mail_from() -> Vec<Row> {
    let paused = || set("main").sending_disabled();
    vec![
        ("a set", production().configuration_set(set("main")), through("main"), TAKEN),
        ("no such set", production(), through("main"), Err("Configuration set <main> does not exist.")),
        (
            "sets have case",
            production().configuration_set(set("Main")),
            through("main"),
            Err("Configuration set <main> does not exist."),
        ),
        (
            "a paused set",
            production().configuration_set(paused()),
            through("main"),
            Err("Sending is paused for configuration set main"),
        ),
        ("a paused set of others", production().configuration_set(paused()), to_eve(), TAKEN),
        (
            "a set that does not tell whether it sends",
            production().configuration_set(set("main").details(&json!({ "SendingOptions": null }))),
            through("main"),
            TAKEN,
        ),
        ("no such set before identities", sandbox(), through("main"), Err("Configuration set <main> does not exist.")),
        ("the default set is missing", default_set("gone"), to_eve(), Err("Configuration set <gone> does not exist.")),
        (
            "the default set is paused",
            default_set("main").configuration_set(paused()),
            to_eve(),
            Err("Sending is paused for configuration set main"),
        ),
        (
            "a named set goes before the default one",
            default_set("main").configuration_set(paused()).configuration_set(set("other")),
            through("other"),
            TAKEN,
        ),
        ("MAIL FROM", mail_from("SUCCESS", "REJECT_MESSAGE"), to_eve(), TAKEN),
        ("MAIL FROM is pending", mail_from("PENDING", "REJECT_MESSAGE"), to_eve(), Err(MAIL_FROM)),
        ("MAIL FROM has failed", mail_from("FAILED", "REJECT_MESSAGE"), to_eve(), Err(MAIL_FROM)),
        (
            "MAIL FROM has failed for a while",
            mail_from("TEMPORARY_FAILURE", "REJECT_MESSAGE"),
            to_eve(),
            Err(MAIL_FROM),
        ),
        ("MAIL FROM has failed and SES' own is taken", mail_from("FAILED", "USE_DEFAULT_VALUE"), to_eve(), TAKEN),
        (
            "MAIL FROM hides a recipient that is not verified",
            patched(mail_from("FAILED", "REJECT_MESSAGE"), &json!({ "ProductionAccessEnabled": false })),
            to_eve(),
            Err(MAIL_FROM),
        ),
        (
            "the address has settings of its own",
            mail_from("FAILED", "REJECT_MESSAGE").identity(Identity::email_address(SHOP)),
            to_eve(),
            TAKEN,
        ),
        (
            "the settings of an address that waits do not count",
            mail_from("FAILED", "REJECT_MESSAGE").identity(Identity::email_address(SHOP).status("PENDING")),
            to_eve(),
            Err(MAIL_FROM),
        ),
        (
            "the closest domain counts",
            mail_from("FAILED", "REJECT_MESSAGE").identity(Identity::domain("eu.shop.example")),
            mail("a@eu.shop.example", &[EVE]),
            TAKEN,
        ),
    ]
}

fn quota() -> Vec<Row> {
    let sent = |sent: f64| production().sent(sent);
    vec![
        ("one is left of the quota", sent(49_999.0), to_eve(), TAKEN),
        ("fifty are left for fifty", sent(49_950.0), to_many(50), Ok([50, 50, 50])),
        ("forty-nine are left for fifty", sent(49_951.0), to_many(50), Err(QUOTA)),
        ("nothing is left", sent(50_000.0), to_eve(), Err(QUOTA)),
        ("less than nothing is left", sent(50_049.0), to_eve(), Err(QUOTA)),
        (
            "the mailbox simulator needs none",
            sent(50_000.0),
            mail(SHOP, &["success@simulator.amazonses.com"]),
            SIMULATED,
        ),
        ("an unlimited quota", sent(9e9).quota(-1.0, 14.0), to_eve(), TAKEN),
        ("a quota of nothing", sent(0.0).quota(0.0, 14.0), to_eve(), Err(QUOTA)),
        ("no quota told", patched(sent(9e9), &json!({ "SendQuota": { "Max24HourSend": null } })), to_eve(), TAKEN),
        ("identities come before the quota", sandbox().sent(200.0), to_eve(), Err(NOT_EVE)),
    ]
}

fn form() -> Vec<Row> {
    let nobody = Message { senders: Vec::new(), ..to_eve() };
    vec![
        ("no sender", production(), nobody, Err("Missing required header 'From'.")),
        ("no recipient", production(), mail(SHOP, &[]), Err("Missing required header 'To'.")),
        ("a sender without a domain", production(), mail("noreply", &[EVE]), Err("Missing final '@domain'")),
        ("a recipient without a domain", production(), mail(SHOP, &["eve"]), Err("Missing final '@domain'")),
        ("a recipient of nothing", production(), mail(SHOP, &[EVE, ""]), Err("Illegal address")),
        (
            "a recipient with a blank",
            production(),
            mail(SHOP, &["e ve@x.example"]),
            Err("Local address contains control or whitespace"),
        ),
        ("form comes before a pause", production().paused(), mail(SHOP, &["eve"]), Err("Missing final '@domain'")),
        ("form comes before the number", production(), mail(SHOP, &["eve"; 51]), Err("Missing final '@domain'")),
    ]
}

/// What becomes of a message, in the words of the table.
fn outcome(region: &Region, message: &Message, rate_left: bool) -> Result<[u64; 3], String> {
    let sent = region.account().pointer("/SendQuota/SentLast24Hours").and_then(Value::as_f64).unwrap_or(0.0);
    let accepted = judge(State { region, sent_last_24_hours: sent, rate_left }, message);
    let numbers = |accepted: Accepted| [accepted.recipients, accepted.posted.counted, accepted.posted.delivered];
    accepted.map(numbers).map_err(|refused| refused.message(&region.name))
}

#[test]
fn the_table() {
    let rows: Vec<Row> = [the_account(), the_sender(), the_recipients(), set_and_mail_from(), quota(), form()]
        .into_iter()
        .flatten()
        .collect();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(name, region, message, expected)| {
            let found = outcome(region, message, true);
            let expected = expected.map_err(str::to_owned);
            (found != expected).then(|| format!("{name}: {found:?} and not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rate_is_the_last_thing_that_is_looked_at() {
    assert_eq!(outcome(&production(), &to_eve(), false), Err(RATE.to_owned()));
    assert_eq!(outcome(&production().sent(50_000.0), &to_eve(), false), Err(QUOTA.to_owned()));
    let simulated = mail(SHOP, &["success@simulator.amazonses.com"]);
    assert_eq!(outcome(&sandbox(), &simulated, false), Err(RATE.to_owned()), "it counts in the rate");
}

#[test]
fn each_refusal_has_a_code_in_both_apis() {
    let name = || "main".to_owned();
    for (refused, v2, v1) in [
        (Refused::Malformed(name()), (400, "BadRequestException"), "InvalidParameterValue"),
        (Refused::TooManyRecipients, (400, "BadRequestException"), "InvalidParameterValue"),
        (Refused::AccountPaused, (400, "SendingPausedException"), "AccountSendingPausedException"),
        (Refused::ConfigurationSetMissing(name()), (404, "NotFoundException"), "ConfigurationSetDoesNotExist"),
        (
            Refused::ConfigurationSetPaused(name()),
            (400, "SendingPausedException"),
            "ConfigurationSetSendingPausedException",
        ),
        (Refused::MailFromDomain, (400, "MailFromDomainNotVerifiedException"), "MailFromDomainNotVerifiedException"),
        (Refused::NotVerified(Vec::new()), (400, "MessageRejected"), "MessageRejected"),
        (Refused::DailyQuota, (400, "LimitExceededException"), "Throttling"),
        (Refused::Rate, (429, "TooManyRequestsException"), "Throttling"),
    ] {
        let new = refused.refusal(Service::SesV2, "eu-west-1").answer(Service::SesV2, "id");
        assert_eq!((new.status, new.error_type.as_deref()), (v2.0, Some(v2.1)), "{refused:?}");
        let old = refused.refusal(Service::Ses, "eu-west-1").answer(Service::Ses, "id");
        let body = String::from_utf8_lossy(&old.body).into_owned();
        assert!(old.status == 400 && body.contains(&format!("<Code>{v1}</Code>")), "{body}");
    }
}
