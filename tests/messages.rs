//! What the agent says to somebody who made a mistake: one sentence with what, where and what to do next; and the exit code.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use ses_exporter::collectors;
use ses_exporter::simulator::{Fault, Trouble};

use crate::support::stage::{MAIN_ACCOUNT, OTHER_ACCOUNT, quick, world};
use crate::support::{Agent, Aws, Said, command, eventually, run};

/// What the executable says itself, without the log and the name in front.
fn told(said: &Said) -> Vec<&str> {
    said.err.lines().filter_map(|line| line.strip_prefix("ses-exporter: ")).collect()
}

/// Arguments, the environment, the exit code, and what is said word for word.
type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_mistake_is_told_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let folder = directory.path().to_str().unwrap();
    let web =
        file("web.yml", b"tls_server_config:\n  cert_file: gone.pem\n  min_version: TLS10\nbasic_auth_user: {}\n");
    let (wrong, latin, huge) = (
        file("wrong.toml", b"[collectors.account]\nintervall = \"1m\"\n\n[poll]\nstale_after = \"1 fortnight\"\n"),
        file("latin.toml", b"# caf\xe9\n"),
        file("huge.toml", &vec![b'#'; 2 << 20]),
    );
    let rows: &[Row<'_>] = &[
        (
            &["--config.file", &wrong],
            &[],
            78,
            &format!(
                "ses-exporter: 2 mistakes in {wrong}; nothing was started:\n\
                 {wrong}:2:1: collectors.account.intervall: unknown key; did you mean interval?\n\
                 {wrong}:5:15: poll.stale_after: is no duration; write a number and its unit, such as \"10s\" or \"5m\"\n"
            ),
        ),
        (
            &["--config.file", "/nonexistent/ses.toml"],
            &[],
            78,
            "ses-exporter: can't read the configuration /nonexistent/ses.toml: there is no such file; create it or name \
             another\n",
        ),
        (
            &["--config.file", folder],
            &[],
            78,
            &format!("ses-exporter: can't read the configuration {folder}: it is a directory; name a file inside\n"),
        ),
        (
            &["--config.file", &latin],
            &[],
            78,
            &format!(
                "ses-exporter: can't read the configuration {latin}: line 1 is not UTF-8; save the file as UTF-8\n"
            ),
        ),
        (
            &["--config.file", &huge],
            &[],
            78,
            &format!("ses-exporter: can't read the configuration {huge}: it is longer than 1 MiB; name another file\n"),
        ),
        (
            &["--web.config.file", &web],
            &[],
            78,
            &format!(
                "ses-exporter: 4 mistakes in {web}; nothing was started:\n\
                 {web}:2:3: tls_server_config.key_file: is missing; name the file of the private key, or write it below key\n\
                 {web}:2:14: tls_server_config.cert_file: the file can't be read: there is no such file; create it or name another\n\
                 {web}:3:16: tls_server_config.min_version: TLS10 is not spoken here, being broken; write TLS12 or TLS13\n\
                 {web}:4:1: basic_auth_user: unknown key; did you mean basic_auth_users?\n"
            ),
        ),
        (
            &["--aws.regions", "eu-wset-1"],
            &[],
            78,
            "ses-exporter: 1 mistake in the arguments; nothing was started:\n\
             --aws.regions or SES_EXPORTER_REGIONS: region 1: unknown region eu-wset-1; did you mean eu-west-1?\n",
        ),
        (
            &[],
            &[("SES_EXPORTER_REGIONS", "eu-west-1,us-gov-west-1")],
            78,
            "ses-exporter: 1 mistake in the arguments; nothing was started:\n\
             --aws.regions or SES_EXPORTER_REGIONS: eu-west-1 is in partition aws and us-gov-west-1 in aws-us-gov, and \
             no credentials are good for both; write [[accounts]] for each\n",
        ),
        (
            &["--web.listen-address", &taken],
            &[("AWS_REGION", "us-east-1")],
            1,
            &format!(
                "ses-exporter: cannot listen on {taken}: the address is in use; stop the other program or choose another \
                 with --web.listen-address\n"
            ),
        ),
        (
            &["--web.listen-address", "localhost:10060"],
            &[],
            2,
            "error: invalid value 'localhost:10060' for '--web.listen-address <ADDRESS>': \"localhost:10060\" is not an \
             address and a port; write :10060 for all addresses, 127.0.0.1:10060, [::1]:10060, or \
             unix:/run/ses-exporter/web.sock for a socket in the file system\n\n\
             For more information, try '--help'.\n",
        ),
        (
            &["once"],
            &[],
            78,
            "ses-exporter: no region: neither the configuration nor the AWS environment names one; set \
             SES_EXPORTER_REGIONS (a list, or all), [aws] regions, or AWS_REGION\n",
        ),
        (
            &["demo", "--simulator.listen-address", &taken, "--web.listen-address", "127.0.0.1:0"],
            &[],
            1,
            &format!(
                "ses-exporter: can't simulate AWS on {taken}: the address is in use; choose another with \
                 --simulator.listen-address\n"
            ),
        ),
        (
            &["demo", "--simulator.listen-address", "0.0.0.0:0", "--web.listen-address", "127.0.0.1:0"],
            &[],
            1,
            "ses-exporter: can't simulate AWS on 0.0.0.0:0: the simulator listens on loopback addresses only, such as \
             127.0.0.1:0, and 0.0.0.0:0 is none; choose another with --simulator.listen-address\n",
        ),
    ];
    for (arguments, environment, code, words) in rows {
        let said = run(command(arguments).envs(environment.iter().copied()));
        assert_eq!(said.code, *code, "{arguments:?}: {}", said.err);
        assert!(said.err == *words, "{arguments:?}\n--- expected\n{words}\n+++ said\n{}", said.err);
        assert_eq!(said.out, "", "{arguments:?}: results go to standard output, mistakes do not");
    }
}

#[test]
fn an_unreadable_file_is_told_with_a_way_out() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(file.path()).is_ok() {
        return; // root may read everything
    }
    let path = file.path().to_str().unwrap();
    let said = run(&mut command(&["--config.check", "--config.file", path]));
    let words = "permission denied; let the user that runs ses-exporter read it";
    assert_eq!((said.code, told(&said)), (78, vec![format!("can't read the configuration {path}: {words}").as_str()]));
}

#[test]
fn wrong_usage_is_told_with_what_would_be_right() {
    let path = "it must begin with / and be no other page's path; /metrics is usual";
    let rows: &[(&[&str], &str)] = &[
        (&["--nonsense"], "unexpected argument '--nonsense' found"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["--config.fiel", "x"], "a similar argument exists: '--config.file'"),
        (&["print"], "<WHAT>"),
        (&["print", "everything"], "[possible values: metrics, cost, iam-policy, config, schema]"),
        (&["--log.level", "loud"], "[possible values: error, warn, info, debug, trace]"),
        (&["--config.file"], "a value is required for '--config.file <FILE>'"),
        (&["--web.telemetry-path", "metrics"], path),
        (&["--web.telemetry-path", "/"], path),
        (&["--web.telemetry-path", "/-/ready"], path),
        (&["--web.telemetry-path", "/a?b"], path),
        (&["--web.telemetry-path", ""], path),
    ];
    for (arguments, words) in rows {
        let said = run(&mut command(arguments));
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.starts_with("error: ") && said.err.contains(words), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let names = ["SES_EXPORTER_CONFIG_FILE", "SES_EXPORTER_REGIONS", "SES_EXPORTER_CONFIG_CHECK"];
    let set = names.map(|name| (name, ""));
    let said = run(command(&["--config.check"]).envs(set));
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "the configuration is good\n", ""));
    let said = run(command(&["print", "iam-policy"]).envs([
        ("SES_EXPORTER_LOG_LEVEL", ""),
        ("SES_EXPORTER_LOG_FORMAT", ""),
        ("SES_EXPORTER_WEB_LISTEN_ADDRESS", ""),
        ("SES_EXPORTER_WEB_TELEMETRY_PATH", ""),
    ]));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn missing_credentials_are_told_with_what_to_set() {
    let directory = tempfile::tempdir().unwrap();
    let profiles = directory.path().join("config");
    std::fs::write(&profiles, "[profile mail]\nregion = us-east-1\n").unwrap();
    let nothing = [("AWS_REGION", "us-east-1"), ("SES_EXPORTER_LOG_LEVEL", "error")];
    let unknown_profile = [("AWS_PROFILE", "mial"), ("AWS_CONFIG_FILE", profiles.to_str().unwrap())];
    let quick = directory.path().join("quick.toml");
    std::fs::write(&quick, "[poll]\nattempt_timeout = \"1s\"\nconnect_timeout = \"1s\"\n").unwrap();
    for more in [&[][..], &unknown_profile] {
        let mut once = command(&["once", "--config.file", quick.to_str().unwrap()]);
        let said = run(once.envs(nothing).envs(more.iter().copied()));
        assert_eq!(said.code, 1);
        let hint = "no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that \
                    exists, or run where a role is attached";
        let told = told(&said);
        let (nameless, unread) = told.split_first().unwrap();
        assert_eq!(*nameless, "default/us-east-1 is not on the page: AWS has not told the account's id");
        let first = collectors::ALL.iter().map(|row| &row.declaration).filter(|one| one.after.is_empty());
        let first: Vec<&str> = first.map(|one| one.name).collect();
        assert_eq!(unread.len(), first.len(), "{unread:#?}");
        for (line, name) in unread.iter().zip(first) {
            assert!(line.starts_with(&format!("can't read {name} of default/us-east-1: ")), "{line}");
            assert!(line.ends_with(hint), "{line}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_running_agent_is_one_line_with_a_way_out() {
    let regions = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1"];
    let aws = Aws::start(world(&regions));
    aws.world.inject(Fault::new(Trouble::ExpiredToken).region("us-east-1"));
    aws.world.inject(Fault::new(Trouble::Deny).region("us-east-2"));
    aws.world.inject(Fault::new(Trouble::Html).region("us-west-1"));
    aws.world.inject(Fault::new(Trouble::ServerError { status: 503 }).region("us-west-2"));
    let wrong_role = OTHER_ACCOUNT.replace("role/ses-exporter", "role/ses-exportr") + "regions = [\"eu-west-1\"]\n";
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT + &wrong_role));
    let lines = [
        "can't read account of main/us-east-1: GetAccount: ExpiredTokenException: The security token included in the request is expired",
        "can't read account of main/us-east-2: GetAccount: AccessDeniedException: User: arn:aws:iam::111111111111:user/ses-exporter is \
         not authorized to perform: ses:GetAccount on resource: * because no identity-based policy allows the \
         ses:GetAccount action",
        "can't read account of main/us-west-1: GetAccount: an answer with HTTP status 200 that is not of AWS; a proxy or a wrong \
         endpoint_url gives such",
        "can't read account of main/us-west-2: GetAccount: HTTP status 503 without an error code",
        "can't assume arn:aws:iam::222222222222:role/ses-exportr: AssumeRole: AccessDenied: User: \
         arn:aws:iam::111111111111:user/ses-exporter is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::222222222222:role/ses-exportr; asked again after 1m",
    ];
    for words in lines {
        let told = |log: &str| log.lines().any(|line| line.contains(" WARN ") && line.contains(words));
        eventually(words, || told(&agent.log()).then_some(()));
    }
}

#[test]
fn a_json_log_is_one_object_a_line() {
    let aws = Aws::start(world(&["us-east-1"]));
    aws.world.inject(Fault::new(Trouble::Deny));
    let said = run(command(&["once", "--log.format", "json"]).envs(aws.environment()));
    let objects: Vec<serde_json::Value> = said
        .err
        .lines()
        .filter(|line| !line.starts_with("ses-exporter: "))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let warned = objects.iter().find(|object| object["level"] == "WARN" && object["collector"] == "account").unwrap();
    assert_eq!((&warned["kind"], &warned["target"]), (&"access_denied".into(), &"default/us-east-1".into()));
    assert!(warned["message"].as_str().unwrap().starts_with("can't read account of default/us-east-1: GetAccount: "));
}
