//! The status page in Chromium, over TLS and with a password: pages, filter, keyboard, colours, widths, and what axe finds.

use std::process::Stdio;

use ses_exporter::simulator::{Account, Identity, Region, World};

use crate::support::programs::python;
use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, SECRET, quick};
use crate::support::{Agent, Aws, eventually, repository, run};

const REGION: &str = "eu-west-1";
/// So many as SES lets an account have in a region.
const IDENTITIES: usize = 10_000;

/// One that failed, and thousands that are well.
fn large() -> World {
    let region = Region::production(REGION, 50_000.0, 14.0).identity(Identity::domain("zz.example").status("FAILED"));
    let region = (1..IDENTITIES)
        .fold(region, |region, number| region.identity(Identity::domain(format!("d{number:05}.example"))));
    let account = Account::new(MAIN, "main").access_key(KEY, SECRET).region(region.paused());
    World::empty().with_rate(None).with_account(account)
}

/// A certificate of its own, and `ann` with the password `looking`.
fn gate(folder: &std::path::Path) -> String {
    let pair = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let hash = bcrypt::hash("looking", 4).unwrap();
    let web =
        format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  ann: {hash}\n");
    let key = pair.signing_key.serialize_pem();
    for (name, text) in [("cert.pem", pair.cert.pem()), ("key.pem", key), ("web.yml", web)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.join("web.yml").display().to_string()
}

#[test]
fn the_status_page_is_fit_for_people() {
    let aws = Aws::start(large());
    let folder = tempfile::tempdir().unwrap();
    let web = gate(folder.path());
    let list_alone = "dns.enabled = false\nidentity_details.enabled = false\n[identities]\nmax_per_region = 10000\n";
    let config = quick(&aws, &[REGION], "1m", "1h") + list_alone + MAIN_ACCOUNT;
    let agent = Agent::start_with(&aws.environment(), &config, &["--web.config.file", &web]);
    eventually("all is read", || agent.log().contains("ready: ").then_some(()));
    let script = repository("tests/browser/status.py");
    let mut command = python("python3");
    let url = format!("https://{}/", agent.address);
    let said = run(command.arg(script).args([&url, "ann", "looking"]).stdin(Stdio::null()));
    eprint!("{}", said.err);
    assert_eq!(said.code, 0, "the browser can't be driven (run tests/run once): {}", said.err);
    assert_eq!(said.out.trim(), "", "wrong with the status page, a line each");
}
