//! What is refused, what is told to be done about it, and what a person does then.

use std::time::{Duration, SystemTime};

use serde_json::json;
use ses_exporter::remedy::{Need, Scope, remedy};
use ses_exporter::simulator::{Bucket, ConfigurationSet, Decision, Identity, Region};

use crate::support::Aws;
use crate::support::stage::{MAIN, production};

pub(super) const HERE: &str = "eu-west-1";
pub(super) const THERE: &str = "eu-north-1";

/// Mail that the region of [`production`] takes.
const MAIL: &str = "--from noreply@shop.example --to any";
const CASE: &str = "171234567890123";

/// One refusal or warning of `check send`.
#[derive(Clone)]
pub(super) struct Row {
    /// Its word.
    pub(super) word: &'static str,
    pub(super) here: fn() -> Region,
    pub(super) there: fn() -> Region,
    pub(super) mail: &'static str,
    /// Which of its remedies.
    pub(super) remedy: usize,
    pub(super) need: Need,
    scope: Scope<'static>,
    /// The write that the command is; none for one that shows something.
    pub(super) writes: Option<&'static str>,
    /// What the command shows.
    pub(super) says: &'static str,
    /// What a person does then, or AWS.
    pub(super) person: fn(&Aws),
    /// Other arguments in the end.
    pub(super) again: Option<&'static str>,
    /// What `check send` ends with in the end.
    pub(super) ends: i32,
}

impl Row {
    fn new(word: &'static str, here: fn() -> Region, need: Need) -> Self {
        Self {
            word,
            here,
            there: || Region::fresh(THERE),
            mail: MAIL,
            remedy: 0,
            need,
            scope: Scope { region: Some(HERE), ..Scope::default() },
            writes: None,
            says: "",
            person: |_| {},
            again: None,
            ends: 0,
        }
    }

    fn name(mut self, name: &'static str) -> Self {
        self.scope.name = Some(name);
        self
    }

    fn writes(self, operation: &'static str) -> Self {
        Self { writes: Some(operation), ..self }
    }

    fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    fn then(self, person: fn(&Aws)) -> Self {
        Self { person, ..self }
    }

    fn mail(self, mail: &'static str) -> Self {
        Self { mail, ..self }
    }

    /// The command that has to be told.
    pub(super) fn command(&self) -> String {
        remedy(self.need, self.scope).command.unwrap()
    }
}

/// Something that is told to be looked at, or taken away, where no mail is asked about.
pub(super) struct Look {
    pub(super) need: Need,
    pub(super) scope: Scope<'static>,
    pub(super) here: fn() -> Region,
    pub(super) writes: Option<&'static str>,
    pub(super) says: &'static str,
}

fn published(aws: &Aws) {
    aws.world.publish(MAIN, HERE, "shop.example").unwrap();
}

fn granted(aws: &Aws) {
    aws.world.review(MAIN, HERE, Decision::Granted).unwrap();
}

fn healthy(aws: &Aws) {
    aws.world.patch_region(MAIN, HERE, &json!({ "EnforcementStatus": "HEALTHY", "SendingEnabled": true })).unwrap();
}

pub(super) fn raise_quota(aws: &Aws) {
    let quota = json!({ "SendQuota": { "Max24HourSend": 100_000.0, "MaxSendRate": 50.0 } });
    aws.world.patch_region(MAIN, HERE, &quota).unwrap();
}

/// In production, with nobody to send as.
fn nobody() -> Region {
    Region::production(HERE, 50_000.0, 14.0)
}

fn shop() -> Region {
    production(HERE)
}

/// All of the quota was sent an hour ago.
fn exhausted() -> Region {
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    let quarter = Duration::from_mins(15).as_secs();
    let seconds = hour_ago.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds - seconds % quarter);
    shop().sent_exactly(vec![Bucket { start, delivery_attempts: 50_000, bounces: 0, complaints: 0, rejects: 0 }])
}

pub(super) fn of_account() -> Vec<Row> {
    let set = "--from noreply@shop.example --to any --configuration-set main";
    vec![
        Row::new(
            "account_shut_down",
            || shop().review("GRANTED", Some(CASE)).enforcement("SHUTDOWN"),
            Need::AnswerCase,
        )
        .name(CASE)
        .says(CASE)
        .then(healthy),
        Row::new("sending_paused", || shop().paused(), Need::ResumeSending).writes("PutAccountSendingAttributes"),
        Row::new("configuration_set_missing", shop, Need::CreateConfigurationSet)
            .mail(set)
            .name("main")
            .writes("CreateConfigurationSet"),
        Row::new(
            "configuration_set_missing",
            || nobody().identity(Identity::domain("shop.example").configuration_set("main")),
            Need::CreateConfigurationSet,
        )
        .name("main")
        .writes("CreateConfigurationSet"),
        Row::new(
            "configuration_set_paused",
            || shop().configuration_set(ConfigurationSet::new("main").sending_disabled()),
            Need::ResumeConfigurationSet,
        )
        .mail(set)
        .name("main")
        .writes("PutConfigurationSetSendingOptions"),
        Row::new("quota_exhausted", exhausted, Need::LookAtQuota)
            .says("\"SentLast24Hours\": 50000.0")
            .then(|aws| aws.world.advance(Duration::from_hours(24))),
        Row {
            remedy: 1,
            ..Row::new("quota_exhausted", exhausted, Need::RaiseQuota).says("L-804C8AE8").then(raise_quota)
        },
    ]
}

pub(super) fn of_sender() -> Vec<Row> {
    let elsewhere = Row {
        there: || production(THERE),
        ..Row::new("identity_in_other_region", nobody, Need::UseRegion)
            .name("shop.example")
            .says("\"VerificationStatus\": \"SUCCESS\"")
    };
    let mut there = elsewhere.clone();
    there.scope.region = Some(THERE);
    let mut rejects = Row::new(
        "mail_from_rejects",
        || {
            nobody().identity(Identity::domain("shop.example").mail_from(
                "bounce.shop.example",
                "FAILED",
                "REJECT_MESSAGE",
            ))
        },
        Need::SendWithoutMailFrom,
    )
    .name("shop.example")
    .writes("PutEmailIdentityMailFromAttributes");
    rejects.scope.mail_from = Some("bounce.shop.example");
    let verify = Row::new("identity_missing", nobody, Need::VerifyDomain)
        .name("shop.example")
        .writes("CreateEmailIdentity")
        .says("PENDING")
        .then(published);
    let again = |word, here: fn() -> Region| {
        Row::new(word, here, Need::SendLinkAgain)
            .name("noreply@shop.example")
            .writes("VerifyEmailIdentity")
            .then(|aws| aws.world.click(MAIN, HERE, "noreply@shop.example").unwrap())
    };
    let restart = |word, here: fn() -> Region| {
        Row::new(word, here, Need::RestartVerification)
            .name("shop.example")
            .writes("VerifyDomainDkim")
            .says("DkimTokens")
            .then(published)
    };
    vec![
        verify.clone(),
        Row::new("identity_missing", nobody, Need::VerifyAddress)
            .mail("--from our.shop@gmail.com --to any")
            .name("our.shop@gmail.com")
            .writes("CreateEmailIdentity")
            .then(|aws| aws.world.click(MAIN, HERE, "our.shop@gmail.com").unwrap()),
        Row { again: Some("--from noreply@shop.example --to any --region eu-north-1"), ..there },
        Row { remedy: 1, need: Need::VerifyDomain, says: "PENDING", ..elsewhere.clone() }
            .writes("CreateEmailIdentity")
            .then(published),
        Row::new(
            "identity_pending",
            || nobody().identity(Identity::domain("shop.example").status("PENDING")),
            Need::ShowDkimRecords,
        )
        .name("shop.example")
        .says("Tokens")
        .then(published),
        again("identity_pending", || {
            nobody().identity(Identity::email_address("noreply@shop.example").status("PENDING"))
        }),
        again("identity_failed", || {
            nobody().identity(Identity::email_address("noreply@shop.example").status("FAILED"))
        }),
        restart("identity_failed", || nobody().identity(Identity::domain("shop.example").status("FAILED"))),
        restart("identity_pending", || nobody().identity(Identity::domain("shop.example").status("NOT_STARTED"))),
        Row::new(
            "identity_failed",
            || nobody().identity(Identity::domain("shop.example").status("TEMPORARY_FAILURE")),
            Need::ShowDkimRecords,
        )
        .name("shop.example")
        .says("Tokens")
        .then(published),
        Row { ends: 1, ..rejects.clone() },
        rejects.then(published),
    ]
}

pub(super) fn of_sandbox() -> Vec<Row> {
    fn sandbox() -> Region {
        Region::fresh(HERE).identity(Identity::domain("shop.example"))
    }
    /// Details without a word of a review.
    fn silent() -> Region {
        let details = json!({ "MailType": "TRANSACTIONAL", "WebsiteURL": "https://shop.example" });
        sandbox().patched(&json!({ "Details": details }))
    }
    let request = |word, here: fn() -> Region| {
        Row::new(word, here, Need::RequestProductionAccess).writes("PutAccountDetails").then(granted)
    };
    let eve = |word, here: fn() -> Region| {
        let row = Row::new(word, here, Need::VerifyAddress).name("eve@customer.test").writes("CreateEmailIdentity");
        let row = row.mail("--from noreply@shop.example --to eve@customer.test");
        Row { remedy: 1, ..row.then(|aws| aws.world.click(MAIN, HERE, "eve@customer.test").unwrap()) }
    };
    let case = |word, here: fn() -> Region, need| Row::new(word, here, need).name(CASE).then(granted);
    vec![
        request("sandbox_not_requested", sandbox),
        request("sandbox_failed", || sandbox().review("FAILED", Some(CASE))),
        request("sandbox", silent),
        case("sandbox_pending", || sandbox().review("PENDING", Some(CASE)), Need::AwaitReview).says("PENDING"),
        case("sandbox_denied", || sandbox().review("DENIED", Some(CASE)), Need::AnswerCase).says("DENIED"),
        // A second request would be refused: that access was granted, and is not there, is for AWS to explain.
        case("sandbox", || sandbox().review("GRANTED", Some(CASE)), Need::AnswerCase).says("GRANTED"),
        eve("sandbox_not_requested", sandbox),
        eve("sandbox_denied", || sandbox().review("DENIED", None)),
    ]
}

pub(super) fn of_warnings() -> Vec<Row> {
    fn with(identity: Identity) -> Region {
        nobody().identity(identity)
    }
    let unsigned = |here: fn() -> Region, need| Row::new("dkim_not_signing", here, need).name("shop.example");
    vec![
        Row::new("under_review", || shop().enforcement("PROBATION"), Need::LookAtAccount)
            .says("\"EnforcementStatus\": \"PROBATION\"")
            .then(healthy),
        Row::new("quota_nearly_used", || shop().sent(45_000.0), Need::RaiseQuota).says("L-804C8AE8").then(raise_quota),
        Row::new(
            "simulator_only",
            || Region::fresh(HERE).identity(Identity::domain("shop.example")),
            Need::RequestProductionAccess,
        )
        .mail("--from noreply@shop.example --to success@simulator.amazonses.com")
        .writes("PutAccountDetails")
        .then(granted),
        unsigned(
            || {
                with(
                    Identity::domain("shop.example").details(&json!({ "DkimAttributes": { "SigningEnabled": false } })),
                )
            },
            Need::SwitchDkimOn,
        )
        .writes("PutEmailIdentityDkimAttributes"),
        unsigned(
            || with(Identity::domain("shop.example").details(&json!({ "DkimAttributes": { "Status": "PENDING" } }))),
            Need::ShowDkimRecords,
        )
        .says("Tokens")
        .then(published),
        unsigned(
            || with(Identity::domain("shop.example").details(&json!({ "DkimAttributes": { "Status": "FAILED" } }))),
            Need::RestartVerification,
        )
        .writes("VerifyDomainDkim")
        .then(published),
        Row::new(
            "mail_from_falls_back",
            || with(Identity::domain("shop.example").mail_from("bounce.shop.example", "PENDING", "USE_DEFAULT_VALUE")),
            Need::LookAtMailFrom,
        )
        .name("shop.example")
        .says("bounce.shop.example")
        .then(published),
    ]
}

pub(super) fn looks() -> Vec<Look> {
    let look = |need, name, here, says| {
        let scope = Scope { region: Some(HERE), name, ..Scope::default() };
        Look { need, scope, here, writes: None, says }
    };
    let used: fn() -> Region = || {
        let identity = Identity::domain("shop.example").configuration_set("receipts");
        nobody().identity(identity).configuration_set(ConfigurationSet::new("receipts"))
    };
    vec![
        look(Need::LookAtIdentity, Some("shop.example"), used, "\"VerificationStatus\": \"SUCCESS\""),
        look(Need::LookAtDefaultSet, Some("shop.example"), used, "\"receipts\""),
        look(Need::ListConfigurationSets, None, used, "receipts"),
        look(Need::LookAtCaller, None, used, MAIN),
        look(Need::LookAtRegion, None, used, "ENABLED"),
        Look {
            writes: Some("DeleteSuppressedDestination"),
            ..look(Need::Unsuppress, Some("eve@customer.test"), || shop().suppressed("eve@customer.test", "BOUNCE"), "")
        },
    ]
}
