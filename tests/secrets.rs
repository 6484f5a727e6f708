//! Secrets go in wherever they may stand, and come out nowhere: no log, no page, no command, no argument.

use std::fs;

use ses_exporter::simulator::{Account, Fault, Identity, Region, Role, Trouble, World};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, OTHER, OTHER_ACCOUNT, ROLE, SECRET, quick};
use crate::support::{Agent, Answer, Aws, Said, command, eventually, get, run};

const REGION: &str = "us-east-1";
const EXTERNAL_ID: &str = "canary-external-id-0123456789";
const HASH_KEY: &str = "canary-hash-key-0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "canary-password";
const GUESS: &str = "canary-guess";
const QUERY: &str = "canary-query";
const SIGNED: &str = "canary-signature";
/// An address that is hashed on purpose.
const ADDRESS: &str = "canary-person@people.example";
/// What all of them begin with; no output has it.
const CANARY: &str = "canary";

fn world() -> World {
    let region = || {
        let address = Identity::email_address(ADDRESS);
        Region::production(REGION, 50_000.0, 14.0).identity(Identity::domain("shop.example")).identity(address)
    };
    let role = Role::trusting("ses-exporter", MAIN).external_id(EXTERNAL_ID);
    World::empty()
        .with_rate(None)
        .with_account(Account::new(MAIN, "main").access_key(KEY, SECRET).region(region()))
        .with_account(Account::new(OTHER, "other").role(role).region(region()))
}

/// Where no word of a secret may be. The bcrypt hash and the header of the password are none of the canaries by their looks.
#[track_caller]
fn silent(what: &str, text: &str, more: &[String]) {
    let found = more.iter().map(String::as_str).chain([CANARY]).find(|secret| text.contains(*secret));
    let line = found.and_then(|secret| text.lines().find(|line| line.contains(secret)));
    assert!(found.is_none(), "{what} tells {found:?}: {line:?}");
    assert!(!text.is_empty(), "{what} is empty, so this proves nothing");
}

fn whole(answer: &Answer) -> String {
    format!("{:?}\n{}", answer.headers, String::from_utf8_lossy(&answer.body))
}

#[test]
fn no_secret_is_on_any_output() {
    let aws = Aws::start(world());
    let directory = tempfile::tempdir().unwrap();
    let (web, key) = (directory.path().join("web.yml"), directory.path().join("hash.key"));
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    fs::write(&web, format!("basic_auth_users:\n  ann: {hash}\n")).unwrap();
    fs::write(&key, HASH_KEY).unwrap();
    // What AWS says about a wrong signature holds what was signed, a session token among it.
    let message = format!("The Canonical String for this request should have been '{SIGNED}'");
    let refuse = Trouble::Refuse { status: 403, code: "SignatureDoesNotMatch".into(), message };
    aws.world.inject(Fault::new(refuse).account(OTHER).operation("ListEmailIdentities"));
    let config = format!(
        "{}{MAIN_ACCOUNT}{OTHER_ACCOUNT}external_id = \"{EXTERNAL_ID}\"\n[identities]\nemail_addresses = \"hashed\"\n\
         hash_key_file = \"{}\"\n",
        quick(&aws, &[REGION], "1s", "1h"),
        key.display()
    );
    let more = [hash, HASH_KEY[7..].to_owned(), base64_of("ann", PASSWORD), base64_of("ann", GUESS)];

    for format in ["text", "json"] {
        let arguments = ["--log.level", "trace", "--log.format", format, "--web.config.file", web.to_str().unwrap()];
        let agent = Agent::start_with(&aws.environment(), &config, &arguments);
        let authorization = format!("Basic {}", base64_of("ann", PASSWORD));
        let known = [("Authorization", authorization.as_str())];
        eventually("both accounts are asked", || {
            let page = get(agent.address, "/metrics", &known).text();
            let told = |line: &str| page.lines().any(|found| found.starts_with(line));
            let failed = format!(
                "ses_exporter_collector_success{{account=\"other\",aws_region=\"{REGION}\",collector=\"identities\"}} 0"
            );
            (told("ses_identity_verified{account=\"main\"") && told(&failed)).then_some(())
        });
        let open = [known[0], ("Accept", "application/openmetrics-text;version=1.0.0")];
        silent("OpenMetrics", &whole(&get(agent.address, "/metrics", &open)), &more);
        let wrong = [("Authorization", format!("Basic {}", base64_of("ann", GUESS)))];
        let wrong = wrong.each_ref().map(|(name, value)| (*name, value.as_str()));
        for path in ["/", "/metrics", "/api/v1/check", "/api/v1/estate", "/-/ready", "/-/healthy", "/config", "/none"] {
            silent(path, &whole(&get(agent.address, path, &known)), &more);
            silent(path, &whole(&get(agent.address, path, &wrong)), &more);
            silent(path, &whole(&get(agent.address, &format!("{path}?password={QUERY}"), &known)), &more);
        }
        fs::write(&web, "basic_auth_users:\n  ann: canary-that-is-no-hash\n").unwrap();
        eventually("the log tells of the change", || agent.log().contains("is not taken").then_some(()));
        fs::write(&web, format!("basic_auth_users:\n  ann: {}\n", more[0])).unwrap();
        silent("the log", &agent.log(), &more);
        let arguments = fs::read(format!("/proc/{}/cmdline", agent.child.id())).unwrap();
        silent("the arguments", &String::from_utf8_lossy(&arguments), &more);
    }

    let file = directory.path().join("ses-exporter.toml");
    fs::write(&file, &config).unwrap();
    let asked = |words: &[&str]| -> Said {
        let mut command = command(words);
        run(command.envs(aws.environment()).args(["--log.level", "trace"]).env("SES_EXPORTER_CONFIG_FILE", &file))
    };
    for words in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "send", "--account", "main", "--region", REGION, "--from", "a@shop.example", "--to", "any"],
        &["once"],
        &["print", "config", "--effective"],
        &["print", "iam-policy"],
        &["print", "cost"],
        &["--config.check"],
        &["explain", "User: x is not authorized to perform: ses:SendEmail"],
        &["once", "--output", "/nonexistent/x"],
    ] {
        let said = asked(words);
        silent(&words.join(" "), &format!("{}{}", said.out, said.err), &more);
    }
    silent("a role that can't be assumed", &refused(&aws, &config), &more);
}

/// What is said of an external id that is the wrong one.
fn refused(aws: &Aws, config: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), config.replace(EXTERNAL_ID, "canary-of-somebody-else")).unwrap();
    let said = run(command(&["once"]).envs(aws.environment()).env("SES_EXPORTER_CONFIG_FILE", file.path()));
    assert!(said.err.contains("AssumeRole") && said.err.contains(ROLE), "{}", said.err);
    said.err
}

fn base64_of(name: &str, password: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(format!("{name}:{password}"))
}
