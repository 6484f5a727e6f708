//! The `aws` command line against the simulator: another implementation of the client side, and the older wire form of the lists.
//!
//! It must be installed: a test that skips would let the older wire form rot.

use std::process::Command;

use super::*;

/// Runs `aws`; answers its JSON, or what it wrote to standard error.
async fn aws(simulator: &Simulator, arguments: &str) -> Result<Value, String> {
    run(simulator, arguments).await.map(|output| serde_json::from_slice(&output).expect("JSON"))
}

/// Runs `aws` for an operation that has nothing to answer.
async fn aws_quietly(simulator: &Simulator, arguments: &str) -> Result<(), String> {
    run(simulator, arguments).await.map(|output| assert!(output.is_empty(), "{}", String::from_utf8_lossy(&output)))
}

/// Runs `aws` with only what it needs in its environment.
async fn run(simulator: &Simulator, arguments: &str) -> Result<Vec<u8>, String> {
    let (url, arguments) = (simulator.url(), arguments.to_owned());
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("aws");
        command.args(arguments.split(' ')).env_clear();
        for name in ["PATH", "HOME", "PYENV_VERSION"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("AWS_ENDPOINT_URL", url)
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_DEFAULT_OUTPUT", "json")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_PAGER", "")
            .output()
            .unwrap_or_else(|error| {
                panic!("`aws` cannot be run ({error}): install the AWS command line (pip install awscli) and have it on the PATH")
            })
    });
    let output = run.await.expect("`aws` runs");
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

#[tokio::test]
async fn ses_v2_in_its_older_wire_form() {
    let simulator = start(world()).await;
    let (account, first) = tokio::join!(
        aws(&simulator, "sesv2 get-account"),
        aws(&simulator, "sesv2 list-email-identities --page-size 200")
    );
    assert_eq!(account.expect("an answer")["SendQuota"]["SentLast24Hours"], 1_234.0);
    let first = first.expect("an answer");
    assert_eq!(first["EmailIdentities"].as_array().map(Vec::len), Some(200));
    let token = first["NextToken"].as_str().expect("a token");
    let next = format!("sesv2 list-email-identities --page-size 200 --next-token {token}");
    let one = "sesv2 get-email-identity --region us-east-1 --email-identity no+reply@shop.example";
    let (second, one) = tokio::join!(aws(&simulator, &next), aws(&simulator, one));
    let second = second.expect("an answer");
    assert_eq!(second["EmailIdentities"].as_array().map(Vec::len), Some(50));
    assert!(second.get("NextToken").is_none());
    assert_eq!(one.expect("an answer")["VerificationStatus"], "TEMPORARY_FAILURE");
    assert!(simulator.world().requests().iter().all(|entry| entry.status == Some(200)));
}

#[tokio::test]
async fn ses_v1_and_sts() {
    let simulator = start(world()).await;
    let (quota, statistics, me) = tokio::join!(
        aws(&simulator, "ses get-send-quota"),
        aws(&simulator, "ses get-send-statistics"),
        aws(&simulator, "sts get-caller-identity"),
    );
    assert_eq!(quota.expect("an answer")["Max24HourSend"], 50_000.0);
    assert_eq!(statistics.expect("an answer")["SendDataPoints"], serde_json::json!([]));
    assert_eq!(me.expect("an answer")["Account"], MAIN);
}

#[tokio::test]
async fn refusals_reach_the_person() {
    let simulator = start(world()).await;
    let role = format!("sts assume-role --role-arn arn:aws:iam::{STRICT}:role/reader --role-session-name me");
    let (role, region, unknown) = tokio::join!(
        aws(&simulator, &role),
        aws(&simulator, "sesv2 get-account --region me-south-1"),
        aws(&simulator, "sesv2 list-contact-lists"),
    );
    for (answer, part) in [
        (role, "(AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::111111111111:user/"),
        (region, "(UnrecognizedClientException) when calling the GetAccount operation: The security token"),
        (unknown, "(UnknownOperationException) when calling the ListContactLists operation"),
    ] {
        let error = answer.expect_err("a refusal");
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn what_a_person_does_to_send_the_first_mail() {
    let simulator = start(world()).await;
    let send = "sesv2 send-email --region us-east-1 --from-email-address new@shop2.example \
                --destination ToAddresses=success@simulator.amazonses.com \
                --content Simple={Subject={Data=Hi},Body={Text={Data=Hi}}}";
    let send = send.split_whitespace().collect::<Vec<_>>().join(" ");
    let refused = aws(&simulator, &send).await.expect_err("not verified");
    assert!(
        refused.contains(
            "(MessageRejected) when calling the SendEmail operation: Email address is not verified. The following \
             identities failed the check in region US-EAST-1: new@shop2.example"
        ),
        "{refused}"
    );
    let created = "sesv2 create-email-identity --region us-east-1 --email-identity new@shop2.example";
    let created = aws(&simulator, created).await.expect("an answer");
    assert_eq!(created["VerifiedForSendingStatus"], false);
    let clicked = format!("accounts/{MAIN}/regions/us-east-1/identities/new@shop2.example/clicked");
    assert_eq!(control(&simulator, "POST", &clicked, Value::Null).await.0, 200);
    let taken = aws(&simulator, &send).await.expect("an answer");
    assert!(taken["MessageId"].as_str().is_some_and(|id| id.ends_with("-000000")), "{taken}");
    let raw = "ses send-raw-email --region us-east-1 --raw-message Data=From:new@shop2.example";
    let refused = aws(&simulator, raw).await.expect_err("it names no recipient");
    assert!(refused.contains("(InvalidParameterValue)"), "{refused}");
}

#[tokio::test]
async fn a_second_request_for_production_access_is_a_conflict_without_a_text() {
    let simulator = start(world()).await;
    let ask = "sesv2 put-account-details --region us-east-1 --production-access-enabled --mail-type TRANSACTIONAL \
               --website-url https://shop.example --use-case-description orders";
    let ask = ask.split_whitespace().collect::<Vec<_>>().join(" ");
    // The command line says nothing when an operation answers nothing.
    let nothing = aws_quietly(&simulator, &ask).await;
    assert_eq!(nothing, Ok(()));
    let refused = aws_quietly(&simulator, &ask).await.expect_err("a conflict");
    assert!(refused.contains("(ConflictException) when calling the PutAccountDetails operation: None"), "{refused}");
}
