//! The `aws` command line, as the one who says what is true in a server that stands in for AWS.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::programs::python;

/// The `aws` command line in an environment of its own: where AWS is, and who asks.
#[derive(Clone)]
pub(super) struct CommandLine {
    environment: Vec<(&'static str, String)>,
}

impl CommandLine {
    /// In this environment.
    pub(super) fn new(environment: &[(&'static str, String)]) -> Self {
        Self { environment: environment.to_vec() }
    }

    /// The same with these variables in place of what they were.
    pub(super) fn with(&self, environment: &[(&'static str, String)]) -> Self {
        let mut both = self.environment.clone();
        both.extend_from_slice(environment);
        Self { environment: both }
    }

    /// Runs `aws WORDS`, and answers its JSON; null where it says nothing.
    #[track_caller]
    pub(super) fn ask(&self, words: &str) -> Value {
        let output = python("aws")
            .args(words.split(' '))
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .envs([("AWS_DEFAULT_OUTPUT", "json"), ("AWS_PAGER", ""), ("AWS_MAX_ATTEMPTS", "1")])
            .output()
            .unwrap();
        assert!(output.status.success(), "aws {words}: {}", String::from_utf8_lossy(&output.stderr));
        if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout).unwrap() }
    }
}

/// Runs a command line that we print, in a shell in which `aws` is the real one.
pub(super) fn in_a_shell(line: &str, environment: &[(&'static str, String)]) -> Output {
    let aws = python("aws");
    let mut shell = Command::new("sh");
    for (name, value) in aws.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let plain = [("AWS_DEFAULT_OUTPUT", "json"), ("AWS_PAGER", ""), ("AWS_MAX_ATTEMPTS", "1")];
    shell.env("AWS", aws.get_program()).envs(environment.iter().map(|(name, value)| (*name, value))).envs(plain);
    shell.args(["-c", &format!("aws() {{ \"$AWS\" \"$@\"; }}\n{line}")]).output().unwrap()
}

/// The environment in which an SDK or the `aws` command talks to the server at `url`, which takes any key.
pub(super) fn environment(url: &str) -> Vec<(&'static str, String)> {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"), // older command lines know only this one
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Readings a few seconds apart, so that a test sees a change soon, within the rate that a real AWS would be asked at.
pub(super) const OFTEN: &str = "
[budget]
requests_per_second = 1
[collectors.account]
interval = \"4s\"
[collectors.sending]
interval = \"4s\"
[collectors.identities]
interval = \"4s\"
";
