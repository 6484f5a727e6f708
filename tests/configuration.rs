//! The configuration seen from outside: what a bad file is told, and that the shipped files say what the code says.
//!
//! `BLESS=1` rewrites the expected messages in `configs/` and the reference in `config/`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tries;
use proptest::prelude::*;
use ses_exporter::collectors::{self, identities::Settings};
use ses_exporter::config::{Config, Mistakes, Regions, reference};
use ses_exporter::dns;

/// What stands in every bad file where a secret could stand.
const CANARY: &str = "canary";

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Parses a text as if it were a file among `tests/configs`.
fn parse(text: &str, regions: Option<&str>) -> Result<Config, Mistakes> {
    Config::parse("t.toml", text, &at("tests/configs"), regions)
}

/// What a text is told that is expected to be wrong.
fn told(text: &str, regions: Option<&str>) -> String {
    parse(text, regions).expect_err(text).to_string()
}

fn hold_against(golden: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(golden, actual).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs; if that is right, run the test with BLESS=1", golden.display());
}

#[test]
fn every_bad_file_is_told_exactly_its_mistakes() {
    let dir = at("tests/configs");
    let mut seen = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let mistakes = Config::parse(name, &text, Path::new("tests/configs"), None).expect_err(name).to_string();
        assert!(!mistakes.contains(CANARY), "{mistakes}");
        hold_against(&path.with_extension("expected"), &format!("{mistakes}\n"));
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} files found");
}

#[test]
fn the_argument_replaces_the_regions_and_has_mistakes_of_its_own() {
    let file = "[aws]\nregions = [\"eu-west-1\"]\n";
    let regions = |argument| parse(file, argument).unwrap().aws.regions;
    assert_eq!(regions(Some("us-east-1, ap-south-1")), Regions::List(vec!["ap-south-1".into(), "us-east-1".into()]));
    assert_eq!(regions(Some("all")), Regions::All);
    assert_eq!(regions(Some("")), Regions::List(vec!["eu-west-1".into()]));
    assert_eq!(
        told("", Some("eu-wset-1,,eu-west-1,eu-west-1")),
        "3 mistakes in the arguments; nothing was started:\n\
         --aws.regions or SES_EXPORTER_REGIONS: region 1: unknown region eu-wset-1; did you mean eu-west-1?\n\
         --aws.regions or SES_EXPORTER_REGIONS: region 2: is no code of a region; write one such as \"eu-west-1\"\n\
         --aws.regions or SES_EXPORTER_REGIONS: region 4: eu-west-1 stands in this list twice; remove one"
    );
    assert!(told("[pol]", Some("x")).starts_with("2 mistakes in t.toml and the arguments; nothing was started:\n"));
    assert_eq!(
        Config::load(None, Some("eu-west-1,us-gov-west-1")).unwrap_err().to_string(),
        "1 mistake in the arguments; nothing was started:\n\
         --aws.regions or SES_EXPORTER_REGIONS: eu-west-1 is in partition aws and us-gov-west-1 in aws-us-gov, and no \
         credentials are good for both; write [[accounts]] for each"
    );
}

#[test]
fn an_unreadable_file_is_told_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let cases = [
        (dir.path().join("nowhere.toml"), "there is no such file; create it or name another"),
        (dir.path().to_owned(), "it is a directory; name a file inside"),
        (write("latin1.toml", b"[aws]\n# \xe4\n"), "line 2 is not UTF-8; save the file as UTF-8"),
        (write("long.toml", &vec![b'#'; 1024 * 1024 + 1]), "it is longer than 1 MiB; name another file"),
    ];
    for (path, why) in cases {
        let told = Config::load(Some(&path), None).unwrap_err().to_string();
        assert_eq!(told, format!("can't read the configuration {}: {why}", path.display()));
    }
}

#[test]
fn the_shipped_reference_is_the_one_that_the_code_writes() {
    hold_against(&at("config/ses-exporter.toml"), &reference());
}

#[test]
fn the_shipped_files_are_right() {
    let minimal = Config::load(Some(&at("config/minimal.toml")), None).unwrap();
    assert_eq!(minimal.aws.regions, Regions::List(vec!["eu-west-1".into(), "us-east-1".into()]));
    let declared = Config::load(Some(&at("config/expectations.toml")), None).unwrap().expectations;
    assert_eq!((declared.regions.len(), declared.send_paths.len(), declared.failovers.len()), (2, 1, 1));
    assert_eq!(debug(&Config::load(Some(&at("config/ses-exporter.toml")), None).unwrap()), debug(&Config::default()));
}

/// Config has no `==` because the key of the hash has none.
fn debug(config: &Config) -> String {
    format!("{config:#?}")
}

/// The reference with its keys as a user would put them in force: those with a default, or all of them.
fn uncommented(examples: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in reference().lines() {
        let example = lines.last().is_some_and(|before| before.starts_with('#') && before.ends_with("Example:"));
        let key = line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        let list = line.starts_with("#[[");
        lines.push(match key {
            Some(key) if examples || !(example || list) => key.to_owned(),
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

#[test]
fn the_defaults_in_the_reference_are_those_in_the_code() {
    assert_eq!(debug(&parse(&uncommented(false), None).unwrap()), debug(&Config::default()));
    assert_eq!(debug(&parse("", None).unwrap()), debug(&Config::default()));
    // These defaults are told by the code that uses them as well.
    assert_eq!(format!("{:?}", Config::default().identities), format!("{:?}", Settings::default()));
    assert_eq!(Config::default().dns, dns::Settings::default());
}

#[test]
fn the_examples_in_the_reference_are_right_and_the_effective_configuration_shows_every_key() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hash.key"), "0123456789abcdef\n").unwrap();
    let text = uncommented(true).replace("email_addresses = \"plain\"", "email_addresses = \"hashed\"");
    let config = Config::parse("t.toml", &text, dir.path(), None).unwrap();
    let effective = config.effective();
    let bare = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(|line| line.split(" = ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bare(&effective), bare(&text));
    assert!(!effective.contains("a-secret-of-both-sides") && !effective.contains("0123456789abcdef"));
    assert_eq!(effective.matches("\"(set)\"").count(), 2);
}

#[test]
fn the_effective_configuration_means_the_same_as_the_one_it_shows() {
    let text = "[aws]\nregions = \"all\"\nprofile = 'with \"quotes\" and \\'\n[identities]\ninclude = ['[ab]*']\n\
                [budget]\nrequests_per_second = 1\n[[accounts]]\nregions = ['eu-west-1', 'eu-west-2', 'eu-west-3']\n\
                [dns]\nresolvers = ['192.0.2.53', '[2001:db8::53]:5353']\n\
                [[expect]]\nregions = ['eu-west-2', 'eu-west-1']\nstate = 'sandbox'\nidentities = ['Example.com']\n\
                [[send_paths]]\nname = 'a \"b\"'\nfrom = 'Ann@Example.com'\nto = ['example.com']\n\
                regions = ['eu-west-1']\npeak_messages_per_second = 0.5\n\
                [[failover]]\nprimary = 'eu-west-1'\nstandby = 'eu-west-3'\n";
    let config = parse(text, None).unwrap();
    assert_eq!(debug(&parse(&config.effective(), None).unwrap()), debug(&config));
}

/// One header of each section.
const HEADERS: [&str; 10] = [
    "[aws]",
    "[[accounts]]",
    "[poll]",
    "[collectors.account]",
    "[budget]",
    "[identities]",
    "[dns]",
    "[[expect]]",
    "[[send_paths]]",
    "[[failover]]",
];

/// Wherever a secret may have been put by mistake: no message shows it. The path of a key file is no secret.
#[test]
fn no_message_shows_a_value() {
    for value in
        ["\"hidden-canary\"", "[\"hidden-canary\"]", "{ a = \"hidden-canary\" }", "hidden-canary", "\"hidden-canary"]
    {
        for line in uncommented(true).lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
            let (key, _) = line.split_once(" = ").unwrap();
            if key == "hash_key_file" {
                continue;
            }
            for header in HEADERS {
                if let Err(mistakes) = parse(&format!("{header}\n{key} = {value}\n"), None) {
                    assert!(!format!("{mistakes} {mistakes:?}").contains(CANARY), "{header} {key}: {mistakes}");
                }
            }
        }
    }
    assert!(!told("", Some("hidden-canary")).contains(CANARY));
}

/// A key that is declared but never read would be taken and ignored. No key wants a date, so each must complain.
#[test]
fn every_declared_key_is_read() {
    let dated: String = uncommented(true)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(" = ").map_or(line.to_owned(), |(key, _)| format!("{key} = 1979-05-27")) + "\n")
        .collect();
    let keys = dated.lines().filter(|line| line.contains('=')).count();
    let mistakes = parse(&dated, None).unwrap_err();
    assert_eq!(mistakes.all().len(), keys, "{mistakes}");
    assert!(mistakes.all().iter().all(|mistake| mistake.what.ends_with("not a date or time")), "{mistakes}");
}

#[test]
fn good_values_arrive() {
    let text = "[aws]\nendpoint_url = \"http://[::1]:4566/ses\"\n[budget]\nrequests_per_second = 100\nburst = 0x10\n\
                [poll]\nstale_after = \"1day\"\n[collectors.sending]\nenabled = false\ninterval = \"2h 30m\"\n\
                [[accounts]]\nrole_arn = \"arn:aws-us-gov:iam::123456789012:role/team/ses\"\nexternal_id = \"a/b\"\n\
                regions = [\"us-gov-west-1\", \"us-gov-east-1\"]\n[[accounts]]\n";
    let config = parse(text, None).unwrap();
    assert_eq!((config.budget.requests_per_second, config.budget.burst), (100.0, 16));
    let sending = config.collectors.iter().find(|schedule| schedule.name == "sending").unwrap();
    assert_eq!((sending.enabled, sending.interval.as_secs()), (false, 9000));
    assert_eq!(config.accounts.len(), 2);
    let role = config.accounts[0].role.as_ref().unwrap();
    assert_eq!((role.account_id(), role.external_id.as_deref()), (Some("123456789012"), Some("a/b")));
    assert_eq!(config.accounts[0].regions, Some(Regions::List(vec!["us-gov-east-1".into(), "us-gov-west-1".into()])));
}

#[test]
fn resolvers_are_addresses_with_or_without_a_port() {
    let text = "[dns]\nresolvers = ['192.0.2.53', '192.0.2.54:5353', '2001:db8::53', '[2001:db8::54]', '[::1]:5300']\n";
    let resolvers: Vec<String> = parse(text, None).unwrap().dns.resolvers.iter().map(ToString::to_string).collect();
    let expected = ["192.0.2.53:53", "192.0.2.54:5353", "[2001:db8::53]:53", "[2001:db8::54]:53", "[::1]:5300"];
    assert_eq!(resolvers, expected);
}

#[test]
fn an_agent_that_reads_nothing_is_refused() {
    let names = collectors::ALL.iter().map(|row| row.declaration.name);
    let text = names.map(|name| format!("[collectors.{name}]\nenabled = false\n")).collect::<Vec<_>>().concat();
    let expected = "t.toml:1:1: collectors: all collectors are switched off; enable one";
    assert!(told(&text, None).contains(expected), "{}", told(&text, None));
}

/// The collectors that are switched off don't bound `stale_after`.
#[test]
fn only_enabled_collectors_bound_stale_after() {
    let text = "[collectors]\nidentities = { interval = \"12h\", enabled = false }\n\
                identity_details.enabled = false\ndns.enabled = false\n";
    assert!(parse(text, None).is_ok());
}

/// Pieces that a text is put together from which looks like a configuration from afar.
const PIECES: &[&str] = &[
    "[aws]",
    "[[accounts]]",
    "[poll]",
    "[collectors.account]",
    "[collectors]",
    "[budget]",
    "[identities]",
    "[dns]",
    "[[expect]]",
    "[[send_paths]]",
    "[[failover]]",
    "\n",
    "\n",
    "regions",
    "name",
    "role_arn",
    "external_id",
    "jitter",
    "interval",
    "stale_after",
    "include",
    "email_addresses",
    "accounts",
    "state",
    "from",
    "standby",
    "primary",
    " = ",
    " = ",
    "\"all\"",
    "\"\"",
    "\"10s\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "1",
    "-1.5",
    "nan",
    "1979-05-27",
    "true",
    "\"eu-west-1\"",
    "\"hashed\"",
    "\"unused\"",
    "\"ann@example.com\"",
    "\"ä\\u0000\"",
    "'''",
    "\"\"\"",
    "#",
    "\u{feff}",
    "\r",
    "\t",
];

proptest! {
    #![proptest_config(tries(1_000, 250_000))]

    #[test]
    fn no_text_makes_it_panic_and_every_position_is_inside(
        text in prop_oneof![
            proptest::collection::vec(proptest::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat()),
            proptest::collection::vec(any::<char>(), 0..80).prop_map(|chars| chars.into_iter().collect::<String>()),
        ],
        regions in proptest::option::of("[a-z0-9, -]{0,20}"),
    ) {
        let Err(mistakes) = parse(&text, regions.as_deref()) else { return Ok(()) };
        prop_assert!(!mistakes.all().is_empty());
        for mistake in mistakes.all() {
            let Some((line, column)) = mistake.position else { continue };
            let width = text.split('\n').nth(line - 1).map(|line| line.chars().count());
            prop_assert!(width.is_some_and(|width| (1..=width + 1).contains(&column)), "{mistake}");
        }
        prop_assert_eq!(mistakes.to_string().lines().count(), mistakes.all().len() + 1);
    }
}
