//! What people have shown when SES did not send.

/// Texts from public threads, shortened, with addresses, accounts and keys replaced by examples. Where a row says "after", the
/// thread only describes its error, and the sentence is that of the API reference or the developer guide. A row: where it is
/// from, the text, and what `told` makes of it.
pub(super) const SEEN: &[(&str, &str, &[&str])] = &[
    (
        "danilop/LambdAuth#64",
        r#"`{ "errorMessage": "Error in sendVerificationEmail: MessageRejected: Email address is not verified. The following identities failed the check in region US-WEST-2: tester@mail.shop.exmaple, tester@mail.shop.example" }`"#,
        &["unverified us-west-2 tester@mail.shop.exmaple tester@mail.shop.example"],
    ),
    (
        "sul-dlss/dlme#813",
        "[dlme/dev] Net::SMTPFatalError: 554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: email",
        &["unverified us-west-2 email"],
    ),
    (
        "WPManageNinja/fluent-smtp#103",
        "SimpleEmailService::sendRawEmail(): Sender - MessageRejected: Email address is not verified. The following identities failed the check in region US-EAST-1: Tester1@shop.example Request Id: b73f7091-8332-427a-8bba-e7ce57950ac9 ",
        &["unverified us-east-1 Tester1@shop.example"],
    ),
    (
        "WPManageNinja/fluent-smtp#90",
        "MessageRejected: Email address is not verified. The following identities failed the check in region AP-SOUTHEAST-2: Ann Tester <contact@shop.example>, contact@shop.example Request Id: babf303a-4172-41ee-809d-ece3163a8fe7",
        &["unverified ap-southeast-2 contact@shop.example contact@shop.example"],
    ),
    (
        "mageplaza/magento-2-smtp#152",
        "Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: yoyo <yoyo@shop.example>, yoyo@shop.example\nNote that this yoyo@shop.example is the administrator's email address",
        &["unverified us-east-1 yoyo@shop.example yoyo@shop.example"],
    ),
    (
        "mettle/sendportal#94",
        "Response: Error executing \"SendEmail\" on \"https://email.us-west-2.amazonaws.com\"; AWS HTTP error: Client error: `POST https://email.us-west-2.amazonaws.com` resulted in a `400 Bad Request` response: <ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"> <Error> <Type>Sender</Type> <Code>MessageReje (truncated...) MessageRejected (client): Email address is not verified. The following identities failed the check in region US-WEST-2: Sendportal <tester@shop.example> - <ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"> <Error> <Type>Sender</Type> <Code>MessageRejected</Code> <Message>Email address is not verified. The following identities failed the check in region US-WEST-2: Sendportal &lt;tester@shop.example&gt;</Message> </Error> <RequestId>158e381e-f178-4a80-903b-e21d6e67669c</RequestId> </ErrorResponse>",
        &["unverified us-west-2 tester@shop.example"],
    ),
    (
        "ks888/LambStatus#97",
        "Error: failed to send the test email. Email address is not verified. The following identities failed the check in region US-WEST-2: foo@bar.example",
        &["unverified us-west-2 foo@bar.example"],
    ),
    (
        "magepal/magento2-gmail-smtp-app#17",
        "[2016-08-04 12:20:39] main.CRITICAL: Zend_Mail_Protocol_Exception: Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: abc@xyz.example\n\nNext Magento\\Framework\\Exception\\MailException: Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: abc@xyz.example\n in /opt/bitnami/apps/magento/htdocs/app/code/MagePal/GmailSmtpApp/Model/Transport.php:78",
        &["unverified us-east-1 abc@xyz.example x2"],
    ),
    (
        "django-ses/django-ses#16",
        "BotoServerError: 400 Bad Request\n<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>MessageRejected</Code>\n    <Message>Email address is not verified.</Message>\n  </Error>\n  <RequestId>9360bdd6-c549-11e0-82fb-b9b4121fdb69</RequestId>\n</ErrorResponse>",
        &["unverified"],
    ),
    (
        "django-ses/django-ses#66",
        "Error message: Email address is not verified. (Service: AmazonSimpleEmailService; Status Code: 400; Error Code: MessageRejected; Request ID: af9cb97a-9ca8-11e4-a873-1b1b632bd12d)",
        &["unverified"],
    ),
    (
        "samitsolutions/fop#21",
        "SMTPDataError at /contact/\n\n(554, b'Message rejected: Email address is not verified'",
        &["unverified"],
    ),
    (
        "GoogleCloudPlatform/cloud-build-notifiers#87",
        "E1210 04:12:44.669479 1 notifiers.go:449] failed to run SendNotification: failed to send email: 554 Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: XXXXXXXXXXXXXXXX",
        &["unverified us-east-1 XXXXXXXXXXXXXXXX"],
    ),
    (
        "aschroder/Magento-SMTP-Pro-Email-Extension#117",
        "exception 'Zend_Mail_Protocol_Exception' with message 'Message rejected: Email address is not verified.' in /var/www/lib/Zend/Mail/Protocol/Abstract.php:431\nStack trace:\n#0 /var/www/lib/Zend/Mail/Protocol/Smtp.php(324): Zend_Mail_Protocol_Abstract->_expect(250, 600)",
        &["unverified"],
    ),
    (
        "anonaddy/anonaddy#647",
        "May 30 06:17:10 mail postfix/smtp[1032346]: DDEC223EF5B: to=<tester@bank.example>, relay=email-smtp.us-east-1.amazonaws.com[192.0.2.59]:587, delay=3.9, delays=0.52/0.08/2.3/1, dsn=5.0.0, status=bounced (host email-smtp.us-east-1.amazonaws.com[192.0.2.59] said: 554 Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: b_nnqwq4tfmn3wi3lsmfwa_gvtgimrvmy4ta@shop.example... (in reply to end of DATA command))",
        &["unverified us-east-1 b_nnqwq4tfmn3wi3lsmfwa_gvtgimrvmy4ta@shop.example cut"],
    ),
    (
        "arithmetic/aws-lambda-ses-forwarder#142",
        "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: [myexample@shop.example](mailto:myexample@shop.example)",
        &["unverified eu-west-1 myexample@shop.example"],
    ),
    (
        "aheckmann/node-ses#27",
        r#""{"Type":"Sender","Code":"MessageRejected","Message":"Email address is not verified."}""#,
        &["unverified"],
    ),
    (
        "after aws/aws-sdk-net#3526: the name is of another error",
        "Amazon.SimpleEmailV2.Model.MailFromDomainNotVerifiedException: Email address is not verified. The following identities failed the check in region EU-WEST-1: tester@shop.example\n ---> Amazon.Runtime.Internal.HttpErrorResponseException: Exception of type",
        &["unverified eu-west-1 tester@shop.example"],
    ),
    (
        "GoodDollar/GoodServer#419",
        r#"2023-04-12T02:11:51.532Z - workerId:1 - error (FROM: /verify/sendemail userId: ): {"uuid":"wJfDqX0IOH","context":["Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",{"type":"Error","stack":"MessageRejected: Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.\n    at Request.extractError (/app/node_modules/aws-sdk/lib/protocol/query.js:50:29)"}]}"#,
        &["account_paused"],
    ),
    (
        "hcengineering/platform#8899",
        "**Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account**",
        &["account_paused"],
    ),
    (
        "after faiscadev/fakecloud#946",
        "AccountSendingPausedException: x\nConfigurationSetSendingPausedException: x",
        &["account_paused", "configuration_set_paused"],
    ),
    (
        "after faiscadev/fakecloud#1110",
        "MessageRejected: Email sending for the configuration set marketing-1 is paused.",
        &["configuration_set_paused marketing-1"],
    ),
    ("mettle/sendportal#75", "AWS SES 400 Bad Request: ConfigurationSetDoesNotExist", &["configuration_set_missing"]),
    (
        "API reference, SendEmail",
        "An error occurred (ConfigurationSetDoesNotExist) when calling the SendEmail operation: Configuration set <main> does not exist.",
        &["configuration_set_missing main"],
    ),
    (
        "API reference, SendEmail of the v2 API",
        "botocore.errorfactory.NotFoundException: An error occurred (NotFoundException) when calling the SendEmail operation: Configuration set <main> does not exist.",
        &["configuration_set_missing main"],
    ),
    (
        "awsdocs/amazon-ses-developer-guide#60",
        "exception 'Aws\\Ses\\Exception\\SesException' with message 'Error executing \"SendEmail\" on \"https://email.us-east-1.amazonaws.com\"; AWS HTTP error: Client error: `POST https://email.us-east-1.amazonaws.com` resulted in a `400 Bad Request` response:\n<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>Throttling< (truncated...)\n Throttling (client): Maximum sending rate exceeded. - <ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>Throttling</Code>\n    <Message>Maximum sending rate exceeded.</Message>\n  </Error>\n</ErrorResponse>",
        &["send_rate us-east-1 x2"],
    ),
    (
        "hackclub/hackathons-backend#543",
        "Net::SMTPServerBusy: 454 Throttling failure: Maximum sending rate exceeded.",
        &["send_rate"],
    ),
    ("aws/aws-sdk#76", "Throttling: Maximum sending rate exceeded.\n\tstatus code: 400", &["send_rate"]),
    (
        "mautic/mautic#9644",
        r#"[2021-02-05 08:25:00] mautic.ERROR: [MAIL ERROR] Expected response code 250 but got code "454", with message "454 Throttling failure: Maximum sending rate exceeded. " (send); email@shop.example {"exception":"[object] (Swift_TransportException(co"#,
        &["send_rate"],
    ),
    ("API reference of the v2 API", "TooManyRequestsException: Maximum sending rate exceeded.", &["send_rate"]),
    (
        "EFForg/action-center-platform#874",
        r#"<?xml version="1.0" encoding="UTF-8"?> <error> <name>Net::SMTPServerBusy</name> <message>454 Throttling failure: Daily message quota exceeded. </message> </error>"#,
        &["daily_quota"],
    ),
    (
        "after hashicorp/terraform-provider-aws#44887",
        "Error: updating SES Receipt Rule: operation error SES: UpdateReceiptRule, https response error StatusCode: 400, api error Throttling: Rate exceeded",
        &["api_rate"],
    ),
    (
        "after cloud-copilot/iam-collect#345",
        "An error occurred (TooManyRequestsException) when calling the ListEmailIdentities operation (reached max retries: 4): Too Many Requests",
        &["api_rate"],
    ),
    (
        "fleetdm/fleet#9609",
        "level=error ts=2023-02-01T13:18:55.790742898Z component=http user=my@shop.example method=POST uri=/api/latest/fleet/invites took=1.355590059s err=\"client auth error: 535 Authentication Credentials Invalid\"",
        &["smtp_credentials"],
    ),
    (
        "sandstorm-io/sandstorm#2734",
        r#"Error while trying to send test email: {"code":"EAUTH","response":"535 Authentication Credentials Invalid","responseCode":535,"command":"AUTH PLAIN"} [other-email-sending-error]"#,
        &["smtp_credentials"],
    ),
    (
        "mautic/mautic#3704",
        "++ Starting Mautic\\EmailBundle\\Swiftmailer\\Transport\\AmazonTransport << 220 email-smtp.amazonaws.com ESMTP SimpleEmailService-1868680137 rgpk5uMlEb7VBtpdVluX << 334 UGFzc3dvcmQ6 << 535 Authentication Credentials Invalid !! Expected response code 235 but got code \"535\"",
        &["smtp_credentials"],
    ),
    (
        "Billionmail/BillionMail#156: wrapped",
        "<tester@bank.example>: host\n    email-smtp.ap-southeast-1.amazonaws.com[192.0.2.200] said: 530\n    Authentication required (in reply to MAIL FROM command)",
        &["smtp_login ap-southeast-1"],
    ),
    (
        "jhuckaby/Cronicle#265",
        "Failed to send e-mail for job: x: Error: Mail command failed: 530 Authentication required",
        &["smtp_login"],
    ),
    ("developer guide", "535 Account not subscribed to SES", &["not_subscribed"]),
    (
        "symfony/symfony#51461: cut by somebody",
        "Unable to send an email: User arn:aws:iam: is not authorized to perform 'ses:SendRawEmail' on resource (code AccessDeniedException). at /var/app/current/vendor/symfony/amazon-mailer/Transport/SesHttpAsyncAwsTransport.php:63)",
        &["access_denied ses:SendRawEmail by arn:aws:iam"],
    ),
    (
        "ministryofjustice/analytical-platform#6944",
        "smtplib.SMTPDataError: (554, b\"Access denied: User `arn:aws:iam::111111111111:user/mwaa-ses' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-2:111111111111:identity/tester@bank.example'\")",
        &[
            "access_denied eu-west-2 ses:SendRawEmail by arn:aws:iam::111111111111:user/mwaa-ses on arn:aws:ses:eu-west-2:111111111111:identity/tester@bank.example",
        ],
    ),
    (
        "emfoundation/ce100-app#572",
        "SES ERROR: { AccessDenied: User `arn:aws:iam::111111111111:user/s3upload' is not authorized to perform `ses:SendEmail' on resource `arn:aws:ses:eu-west-1:111111111111:identity/tester@bank.example'\n    at Request.extractError (/Users/x/web/node_modules/aws-sdk/lib/protocol/query.js:40:29)",
        &[
            "access_denied eu-west-1 ses:SendEmail by arn:aws:iam::111111111111:user/s3upload on arn:aws:ses:eu-west-1:111111111111:identity/tester@bank.example",
        ],
    ),
    (
        "aws/aws-sdk-php#941: a user with a space in its name",
        "Error executing \"VerifyEmailIdentity\" on \"https://email.us-west-2.amazonaws.com\"; AWS HTTP error: Client error: 403 AccessDenied (client): User: arn:aws:iam::111111111111:user/user name is not authorized to perform: ses:VerifyEmailIdentity - <ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">",
        &["access_denied us-west-2 ses:VerifyEmailIdentity by arn:aws:iam::111111111111:user/user name"],
    ),
    (
        "HHS/simpler-grants-gov#6013",
        r#"error: ["<class 'botocore.exceptions.ClientError'>","An error occurred (AccessDeniedException) when calling the ListSuppressedDestinations operation: User: arn:aws:sts::111111111111:assumed-role/api-prod-app/5309b306 is not authorized to perform: ses:ListSuppressedDestinations on resource: * because no identity-based policy allows the ses:ListSuppressedDestinations action"]"#,
        &[
            "access_denied ses:ListSuppressedDestinations by arn:aws:sts::111111111111:assumed-role/api-prod-app/5309b306",
        ],
    ),
    (
        "phalcon/vokuro#17",
        "Error sending email from AWS SES: Sender InvalidClientTokenId The security token included in the request is invalid 350dbe73-0d08-11e4-9f8a-4156733d90b3 ",
        &["unknown_key"],
    ),
    (
        "django-ses/django-ses#283",
        "endpoint_url 'https://email.eu-central-1.amazonaws.com'\nerror_code 'InvalidClientTokenId'\nparsed_response\n{\n    'Error': {'Code': 'InvalidClientTokenId',\n              'Message': 'The security token included in the request is invalid.',",
        &["unknown_key eu-central-1 x3"],
    ),
    (
        "Mailtrain-org/mailtrain#1031",
        "SMTP response: The security token included in the request is invalid.",
        &["unknown_key"],
    ),
    (
        "aws/aws-sdk-js#1443",
        "SignatureDoesNotMatch:` The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20170403T161539Z\n20170403/us-east-1/ses/aws4_request\n450d3bc2'",
        &["wrong_signature us-east-1"],
    ),
    (
        "nodemailer/nodemailer-ses-transport#10: JSON in JSON",
        r#"{ "error" : "{\"message\":\"The request signature we calculated does not match the signature you provided.\\n\\nThe Canonical String for this request should have been\\n'POST\\n/\\n\\nhost:email.us-east-1.amazonaws.com\\nx-amz-date:20150716T094548Z'\",\"code\":\"SignatureDoesNotMatch\",\"time\":\"2015-07-16T09:45:49.444Z\"}" }"#,
        &["wrong_signature us-east-1 x2"],
    ),
    (
        "developer guide, common errors",
        "An error occurred (ExpiredToken) when calling the SendRawEmail operation: The security token included in the request is expired",
        &["expired_token"],
    ),
    (
        "aws/aws-cli#6652",
        "An error occurred (ConflictException) when calling the PutAccountDetails operation: None",
        &["review_conflict"],
    ),
    (
        "anomalyco/sst#4556",
        "Error       PMEmail sst:aws:Email → PMEmailIdentity aws:sesv2:EmailIdentity StatusCode: 400, RequestID: 664eb45b-996e-4c9d-a143-bf1e0773a93b, AlreadyExistsException: Email identity shop.example already exist.",
        &["already_exists shop.example"],
    ),
    (
        "widdix/mastodon-on-aws#27",
        r#"2022-12-23 12:54:32 UTC-0700	EmailIdentity	CREATE_FAILED	Resource handler returned message: "Resource of type 'AWS::SES::EmailIdentity' with identifier 'shop.example' already exists." (HandlerErrorCode: AlreadyExists)"#,
        &["already_exists shop.example"],
    ),
    (
        "boto/boto3#4587",
        "[ERROR] ClientError: An error occurred (InvalidParameterValue) when calling the SendEmail operation: Domain contains control or whitespace\nTraceback (most recent call last):\n  File \"/var/task/email_verification.py\", line 49, in handler",
        &["malformed_address"],
    ),
    (
        "openstax/accounts#253",
        "AWS::SES Response Error: InvalidParameterValue - Local address contains control or whitespace",
        &["malformed_address"],
    ),
    (
        "openstax/accounts#253",
        "AWS::SES Response Error: InvalidParameterValue - Illegal address",
        &["malformed_address"],
    ),
    (
        "awslabs/aws-sdk-rust#881",
        r#"called `Result::unwrap()` on an `Err` value: BadRequestException(BadRequestException { message: Some("Domain contains illegal character"), meta: ErrorMetadata { code: Some("BadRequestException")"#,
        &["malformed_address"],
    ),
    (
        "anymail/django-anymail#281",
        "botocore.exceptions.ClientError: An error occurred (InvalidParameterValue) when calling the SendRawEmail operation: Missing final '@domain'",
        &["malformed_address"],
    ),
    (
        "brave/accounts#35",
        "operation error SES: SendEmail,\nhttps response error StatusCode: 400,\nRequestID: d4727599-e6f4-494a-bf40-6880993c65a5,\napi error InvalidParameterValue: Missing domain",
        &["malformed_address"],
    ),
    (
        "mageplaza/magento-2-smtp#191",
        "[2019-08-13 13:16:12] main.CRITICAL: Transaction failed: Domain contains illegal character {\"exception\":\"[object] (Magento\\Framework\\Exception\\MailException(code: 0): x\"}",
        &["malformed_address"],
    ),
    (
        "doubleunion/arooo#243",
        "Aws::SES::Errors::InvalidParameterValue: Recipient count exceeds 50.",
        &["too_many_recipients"],
    ),
    (
        "thewca/worldcubeassociation.org#9467",
        "`Net::SMTPFatalError (554 Transaction failed: Recipient count exceeds 50.`",
        &["too_many_recipients"],
    ),
    (
        "aws/aws-sdk-go-v2#1774",
        "ERR could not send email: Message length is more than 10485760 bytes long: '12078147'. error=\"operation error SES: SendRawEmail, https response error StatusCode: 400, api error InvalidParameterValue: Message length is more than 10485760 bytes long: '12078147'.\"",
        &["too_long"],
    ),
    ("freescout-help-desk/freescout#375", "552 5.3.4 Message is too long. ", &["too_long"]),
    ("after emencia/emencia-django-newsletter#61", "(554, 'Message rejected: Address blacklisted.')", &["suppressed"]),
    (
        "aws/aws-sdk-js#2505",
        r#""message": "Inaccessible host: 'email.us-east-1.amazonaws.com'. This service may not be available in the 'us-east-1' region.",
    "code": "UnknownEndpoint",
    "originalError": {
        "message": "getaddrinfo ENOTFOUND email.us-east-1.amazonaws.com email.us-east-1.amazonaws.com:443","#,
        &["no_such_host us-east-1 email.us-east-1.amazonaws.com x2"],
    ),
    (
        "after hashicorp/terraform-provider-aws#41559",
        "dial tcp: lookup email.ap-east-1.amazonaws.com on 127.0.0.53:53: no such host",
        &["no_such_host ap-east-1 email.ap-east-1.amazonaws.com"],
    ),
    (
        "after boto/boto3#3375",
        "botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: \"https://email.us-esat-1.amazonaws.com/\"",
        &["no_such_host us-esat-1 email.us-esat-1.amazonaws.com"],
    ),
    (
        "mozilla/fxa-auth-server#445",
        "Dec 17 06:22:42 ip-10-80-227-43 postfix/smtp[21752]: connect to email-smtp.us-east-1.amazonaws.com[192.0.2.71]:25: Connection timed out",
        &["unreachable us-east-1 email-smtp.us-east-1.amazonaws.com 25"],
    ),
    (
        "bramley/phplist-plugin-amazonses#5",
        "MailSender http code: 0, result: , curl error: Failed to connect to email-smtp.us-east-2.amazonaws.com port 443: Connection timed out",
        &["unreachable us-east-2 email-smtp.us-east-2.amazonaws.com 443"],
    ),
    ("in2code-de/luxletter#247", "421 Too many concurrent SMTP connections", &["connections"]),
    (
        "Purelymail/purelymail-issues#394",
        "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy. Please contact the administrator of shop.example domain if this was a legitimate mail.",
        &["unauthenticated google shop.example"],
    ),
    (
        "jtojnar/nixfiles#13",
        "status=bounced (host gmail-smtp-in.l.google.com[2001:db8::1b] said: 550-5.7.26 Your email has been blocked because the sender is unauthenticated. 550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM. 550-5.7.26  Authentication results: 550-5.7.26  DKIM = did not pass (in reply to end of DATA command))",
        &["unauthenticated google"],
    ),
    (
        "sisimai/go-sisimai#150: wrapped",
        "Diagnostic-Code: smtp; 550 5.7.515 Access denied, sending domain SHOP.EXAMPLE\n    doesn't meet the required authentication level. The sender's domain in the\n    5322.From address doesn't meet the authentication requirements",
        &["unauthenticated microsoft shop.example"],
    ),
    (
        "docusealco/docuseal#524",
        "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM.",
        &["unauthenticated yahoo"],
    ),
    ("API reference", "MessageRejected: Your message was not liked.", &["other"]),
    ("developer guide, Java", "com.amazonaws.services.simpleemailv2.model.MessageRejectedException: x", &["other"]),
    ("SetIdentityMailFromDomain", "<Code>MailFromDomainNotVerifiedException</Code>", &["mail_from_not_verified"]),
    (
        "cloud-custodian/cloud-custodian#4582",
        "An error occurred (AccessDenied) when calling the SendRawEmail operation: User `arn:aws:sts::xxxxxxxxxxx:assumed-role/custodian-sqs/mailer' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:us-east-1:xxxxxxxxxxxx:identity/ops@shop.example'",
        &[
            "access_denied us-east-1 ses:SendRawEmail by arn:aws:sts::xxxxxxxxxxx:assumed-role/custodian-sqs/mailer on arn:aws:ses:us-east-1:xxxxxxxxxxxx:identity/ops@shop.example",
        ],
    ),
    (
        "floci-io/floci#1193: SES v2",
        "An error occurred (SendingPausedException) when calling the SendEmail operation: Sending is paused for configuration set main",
        &["configuration_set_paused main"],
    ),
    (
        "a log of two services",
        "https://s3.eu-west-1.amazonaws.com/x ExpiredToken: The provided token has expired\nPOST https://email.eu-west-1.amazonaws.com/ 200",
        &[],
    ),
    (
        "after the guide on VPC endpoints",
        "POST https://vpce-0a1b-2c.email.eu-west-1.vpce.amazonaws.com/ InvalidClientTokenId: The security token included in the request is invalid.",
        &["unknown_key eu-west-1"],
    ),
    (
        "Go: the name server is silent",
        "dial tcp: lookup email.eu-west-1.amazonaws.com on 127.0.0.11:53: read udp 192.0.2.2:5->127.0.0.11:53: i/o timeout",
        &["no_such_host eu-west-1 email.eu-west-1.amazonaws.com"],
    ),
    (
        "Java: the name of the error stands behind",
        "Rate exceeded (Service: AmazonSimpleEmailService; Status Code: 400; Error Code: Throttling; Request ID: x)",
        &["api_rate"],
    ),
    (
        "cut behind the action",
        "User: arn:aws:iam::111111111111:user/x is not authorized to perform: ses:SendEmail",
        &["access_denied ses:SendEmail by arn:aws:iam::111111111111:user/x"],
    ),
    (
        "a bounce of Postfix",
        "554 Transaction failed: Address contains illegal characters in user name: '<\"re:ceiver\"@shop.example>'.",
        &["malformed_address"],
    ),
    (
        "JavaScript: the name of the error stands behind",
        "{ message: 'Illegal address', code: 'InvalidParameterValue' }",
        &["malformed_address"],
    ),
    (
        "developer guide, sending errors",
        "An error occurred (NotFoundException) when calling the SendEmail operation: Configuration set does not exist",
        &["configuration_set_missing"],
    ),
    (
        "developer guide, sending errors",
        "554 Message rejected: Mail FROM domain is not verified",
        &["mail_from_not_verified"],
    ),
    (
        "developer guide, sending errors",
        "454 Throttling failure: Maximum SigV2 SMTP sending rate exceeded.",
        &["send_rate"],
    ),
    // Not SES.
    ("spamgourmet/spamgourmet#41", "421 Too many concurrent SMTP connections; please try again later.", &[]),
    ("Flolagale/mailin#106", "Server answer - 535 Error: Authentication credentials invalid", &[]),
    ("marcpope/borgbackupserver#16", "Failed: Authentication failed: 535 5.7.0 Invalid login or password", &[]),
    (
        "ArranJacques/laravel-aws-cognito-auth#25",
        "Error executing \"AdminInitiateAuth\" on \"https://cognito-idp.us-east-1.amazonaws.com\"; {\"__type\":\"UnrecognizedClientException\",\"message\":\"The security token included in the request is invalid.\"}",
        &[],
    ),
    (
        "another service",
        "User: arn:aws:iam::111111111111:user/x is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::x\"",
        &[],
    ),
    ("a sign-in", "403 Forbidden: your email address is not verified", &[]),
    ("a receiver", "550 5.7.1 Your IP address blacklisted by example.org", &[]),
    ("another protocol", "Modbus exception 2: illegal address", &[]),
    ("andris9/mimelib#39", "smtp; 552 message line is too long", &[]),
    ("a receiver", "smtp; 550 5.4.1 Recipient address rejected: Access denied.", &[]),
    ("no error", "250 Ok 0102018f5c-000000", &[]),
    ("nothing", "", &[]),
];
