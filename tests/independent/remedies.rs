//! The commands that we tell people to run, before the one who knows the words: the `aws` command line itself, with a shell
//! in between. It has to come as far as the network, where nobody answers.

use ses_exporter::remedy::{Need, Scope, remedy};

use super::aws::{environment, in_a_shell};

/// Nobody listens on the discard port of the loopback.
const NOBODY: &str = "http://127.0.0.1:9";

/// What a command line of ours says in complaint.
fn complaint(line: &str) -> String {
    String::from_utf8(in_a_shell(line, &environment(NOBODY)).stderr).unwrap()
}

fn reaches_the_network(complaint: &str) -> bool {
    complaint.contains("Could not connect to the endpoint URL") && complaint.contains(NOBODY)
}

#[test]
fn every_command_is_one() {
    let known = Scope { region: Some("eu-west-1"), name: Some("o'neil&co@shop.example"), ..Scope::default() };
    let lines: Vec<String> = Need::ALL.iter().map(|need| remedy(*need, known).command.unwrap()).collect();
    for line in lines {
        let said = complaint(&line);
        assert!(reaches_the_network(&said), "{line}: {said}");
    }
}

#[test]
fn a_command_that_is_none_is_noticed() {
    for line in [
        "aws sesv2 get-account --regoin eu-west-1",
        "aws sesv2 put-account-details --region eu-west-1",
        "aws sesv2 get-it",
    ] {
        let said = complaint(line);
        assert!(!said.is_empty() && !reaches_the_network(&said), "{line}: {said}");
    }
}
