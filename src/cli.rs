//! The command line: arguments, each with its environment twin, to one command; and the exit codes.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{FalseyValueParser, Resettable};
use clap::parser::ValueSource;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::config::{Config, Mistakes};
use crate::exporter::StartError;
use crate::log;
use crate::site::{API, TAKEN};
use crate::web::{BindError, check_address};

mod agent;
mod check;
mod demo;
mod explain;
mod once;
mod print;
mod reload;
mod schema;
mod serve;
mod wrap;

use schema::Schema;

/// Prometheus exporter for Amazon SES: sandbox, quota, enforcement and identities of every account and region.
#[derive(Debug, Parser)]
#[command(name = "ses-exporter", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    web: Web,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "Without a command it serves. The environment variable of an option stands in brackets.\n\
    Exit codes: 0 done, 1 failed to run, 2 wrong usage, 78 bad configuration; explain: 3 could not tell.\n\
    check: 0 all well, 1 something to look at, 2 something cannot send, 3 could not tell, or bad usage or configuration.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Configuration file; without one, the default credentials and the region of the AWS environment are used.
    #[arg(long = "config.file", value_name = "FILE", env = "SES_EXPORTER_CONFIG_FILE", global = true)]
    config_file: Option<PathBuf>,
    /// Check the configuration and end: 0 if it is good, 78 with every mistake if not.
    #[arg(long = "config.check", env = "SES_EXPORTER_CONFIG_CHECK", value_parser = FalseyValueParser::new(), global = true)]
    config_check: bool,
    /// Regions to poll, with commas between them, or "all"; replaces `[aws] regions`.
    #[arg(long = "aws.regions", value_name = "REGIONS", env = "SES_EXPORTER_REGIONS", global = true)]
    regions: Option<String>,
    /// How much is logged.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        env = "SES_EXPORTER_LOG_LEVEL",
        value_enum,
        default_value_t,
        global = true
    )]
    log_level: log::Level,
    /// How it is logged, to standard error.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        env = "SES_EXPORTER_LOG_FORMAT",
        value_enum,
        default_value_t,
        global = true
    )]
    log_format: log::Form,
}

/// What commands take that serve pages.
#[derive(Clone, Debug, Args)]
struct Web {
    /// Address, or `unix:FILE`, to listen on; can be repeated (in the environment: with commas). The demo's own is 127.0.0.1:10060.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        env = "SES_EXPORTER_WEB_LISTEN_ADDRESS",
        value_delimiter = ',',
        value_parser = listen_address,
        default_value = LISTEN,
        global = true
    )]
    listen_addresses: Vec<String>,
    /// Take the sockets that systemd listens on, instead of addresses (Linux).
    #[arg(
        long = "web.systemd-socket",
        env = "SES_EXPORTER_WEB_SYSTEMD_SOCKET",
        value_parser = FalseyValueParser::new(),
        global = true
    )]
    systemd_socket: bool,
    /// Path under which the metrics are.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        env = "SES_EXPORTER_WEB_TELEMETRY_PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        global = true
    )]
    telemetry_path: String,
    /// File with TLS, passwords, headers and a limit of requests, in the format of Prometheus' exporters.
    #[arg(
        id = "web_config_file",
        long = "web.config.file",
        value_name = "FILE",
        env = "SES_EXPORTER_WEB_CONFIG_FILE",
        global = true
    )]
    config_file: Option<PathBuf>,
    /// Reload the configuration on POST or PUT to /-/reload; SIGHUP does so in any case.
    #[arg(
        long = "web.enable-lifecycle",
        env = "SES_EXPORTER_WEB_ENABLE_LIFECYCLE",
        value_parser = FalseyValueParser::new(),
        global = true
    )]
    enable_lifecycle: bool,
    /// Reload the configuration file when it has changed.
    #[arg(
        long = "config.watch",
        env = "SES_EXPORTER_CONFIG_WATCH",
        value_parser = FalseyValueParser::new(),
        global = true
    )]
    watch: bool,
}

/// 10060 is not in Prometheus' list of default ports.
const LISTEN: &str = ":10060";

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Poll AWS and serve the metrics (the default).
    Serve,
    /// Serve a simulated AWS with four accounts in all regions, and poll it. Needs no AWS account.
    Demo(demo::Demo),
    /// Poll everything once, print the page and end: 1 if any target failed.
    Once(once::Once),
    /// Look at everything once and say whether all that should send can: 0 yes, 1 look at it, 2 no, 3 could not tell.
    Check(check::Check),
    /// Say what an error of SES means, what AWS says about it now, and what mends it; 3 if the text is none.
    Explain(explain::Explain),
    /// Print what this program knows about itself.
    Print {
        /// What to print.
        #[arg(value_enum)]
        what: Printable,
        /// With `schema`: of what.
        #[arg(value_enum, required_if_eq("what", "schema"))]
        of: Option<Schema>,
        /// With `config`: what is in force, without secrets, instead of the reference.
        #[arg(long)]
        effective: bool,
    },
}

/// What `print` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Printable {
    /// Every metric, as a table.
    Metrics,
    /// What the enabled collectors ask of AWS, in calls an hour, as a table.
    Cost,
    /// The IAM policy with exactly the actions that the enabled collectors need.
    IamPolicy,
    /// The configuration: every key, its default, its meaning.
    Config,
    /// The JSON schema of what this program says to other programs.
    Schema,
}

/// Why a command ended without doing what it should.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// Exit code 78.
    #[error(transparent)]
    Configuration(#[from] Mistakes),
    /// Exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Ended {
    /// Whether a supervisor that starts the program anew would only see the same again.
    fn is_configuration(&self) -> bool {
        match self {
            Self::Configuration(_) => true,
            Self::Failed(error) => error.downcast_ref::<StartError>().is_some_and(StartError::is_configuration),
        }
    }
}

/// `EX_CONFIG` of sysexits.h.
const BAD_CONFIGURATION: u8 = 78;

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let command = without_empty_variables(Arguments::command());
    let parsed =
        command.clone().try_get_matches().and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(both) => both,
        Err(error) => return refuse(command, &error),
    };
    let checks = matches!(arguments.command, Some(Command::Check(_))) && !arguments.common.config_check;
    let explains = matches!(arguments.command, Some(Command::Explain(_)));
    // The page of a check tells every failure; the log beside it would tell each a second time.
    let chosen = matches.value_source("log_level").is_some_and(|source| source != ValueSource::DefaultValue);
    let level = if (checks || explains) && !chosen { log::Level::Error } else { arguments.common.log_level };
    if let Err(error) = log::start(level, arguments.common.log_format) {
        say(&format!("can't log: {error}"));
    }
    match begin(arguments) {
        Ok(code) => code,
        Err(why) => {
            say(&why.to_string());
            ExitCode::from(match why.is_configuration() {
                _ if checks => check::COULD_NOT_TELL,
                true => BAD_CONFIGURATION,
                false => 1,
            })
        }
    }
}

/// Says what is wrong with the arguments, or shows the help. For whoever runs `check` as a monitoring plugin, wrong usage
/// is "unknown", and the 2 of the other commands would be "critical".
fn refuse(command: clap::Command, error: &clap::Error) -> ExitCode {
    let checks = || {
        let matches = command.ignore_errors(true).try_get_matches();
        // What stands before the command and is not known hides the command.
        let hidden = || std::env::args_os().any(|argument| argument == "check");
        matches.is_ok_and(|matches| matches.subcommand_name().map_or_else(hidden, |name| name == "check"))
    };
    let _ = error.print(); // nobody reads it: the code tells the rest
    match error.use_stderr() {
        false => ExitCode::SUCCESS,
        true if checks() => ExitCode::from(check::COULD_NOT_TELL),
        true => ExitCode::from(2),
    }
}

/// What can do without a configuration looks at it by itself.
fn begin(arguments: Arguments) -> Result<ExitCode, Ended> {
    let check = arguments.common.config_check;
    match &arguments.command {
        Some(Command::Explain(explain)) if !check => return explain::run(explain, &arguments.common),
        Some(Command::Check(asked)) if !check && asked.asks_an_agent() => return check::ask(asked),
        _ => {}
    }
    let config = arguments.common.config()?;
    if check {
        serve::gate(&arguments.web)?;
        return print_line("the configuration is good");
    }
    execute(arguments, config)
}

/// An empty variable is how containers say "not set".
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let unset = |argument: Arg| {
        let empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(unset).mut_subcommands(|subcommand| subcommand.mut_args(unset))
}

fn execute(arguments: Arguments, config: Config) -> Result<ExitCode, Ended> {
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config, &arguments.common, &arguments.web),
        Command::Demo(demo) => demo::run(&demo, config, &arguments.web),
        Command::Check(check) => check::run(&check, &config),
        Command::Once(once) => once::run(&once, &config),
        Command::Explain(explain) => explain::run(&explain, &arguments.common),
        Command::Print { what, of, effective } => print::run(what, of, effective, &config),
    }
}

impl Common {
    fn config(&self) -> Result<Config, Mistakes> {
        Config::load(self.config_file.as_deref(), self.regions.as_deref())
    }
}

fn listen_address(address: &str) -> Result<String, BindError> {
    check_address(address).map(|()| address.to_owned())
}

fn telemetry_path(path: &str) -> Result<String, String> {
    let taken = TAKEN.contains(&path) || path.starts_with(API);
    let plain =
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\"<>".contains(&byte));
    if plain && !taken {
        Ok(path.to_owned())
    } else {
        Err("it must begin with / and be no other page's path; /metrics is usual".to_owned())
    }
}

/// Says one sentence on standard error, which may be closed.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "ses-exporter: {text}");
}

fn print_line(text: &str) -> Result<ExitCode, Ended> {
    print_text(&format!("{text}\n"))
}

/// Prints to standard output. A reader that has gone (`| head`) is no failure.
fn print_text(text: &str) -> Result<ExitCode, Ended> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("can't write to standard output").into())
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Only for eyes or for those that ask for it, and not for those that said no: <https://no-color.org>,
/// <https://bixense.com/clicolors/>.
fn in_colour() -> bool {
    let said = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let forced = said("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    (forced || std::io::stdout().is_terminal()) && said("NO_COLOR").is_none()
}

/// The runtime of every command. Threads that resolve names are the ones that can pile up, so they are bounded.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(80).build()?)
}
