//! One file per command. Owns arguments, exit codes and what goes to stdout and stderr; decides nothing about
//! infrastructure.

mod apply;
mod approve;
mod completions;
mod connect;
#[cfg(feature = "sandbox")]
mod demo;
#[cfg(feature = "sandbox")]
mod demo_hosts;
mod explain;
mod freeze;
mod history;
mod import;
mod import_hosts;
mod init;
mod inventory;
mod journal;
mod logs;
mod pause;
mod plan;
mod reach;
mod resume;
mod retry;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod screen;
mod status;
mod template;
mod thaw;
mod trust;
mod validate;

use clap::{Args, CommandFactory, Parser, Subcommand};
use screen::Screen;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps DigitalOcean equal to a git repository.
#[derive(Parser)]
#[command(name = "driftless", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Begin with: driftless demo")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The settings file of this machine (default: ~/.config/driftless/driftless.toml, or /etc/driftless/ for root)
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,
    /// Sets one key of driftless.toml, such as digitalocean.api_url=http://127.0.0.1:8080; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", help_heading = "Settings")]
    set: Vec<String>,
    /// The infra repo: https, ssh or a path
    #[arg(long, global = true, value_name = "URL", help_heading = "Settings")]
    repo: Option<String>,
    /// The watched branch (default: main)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Settings")]
    branch: Option<String>,
    /// The folder of the repo that is read (default: all of it)
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Settings")]
    path: Option<String>,
    /// Where the journal and the mirror live
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    data_dir: Option<PathBuf>,
    /// text (default), json or markdown, where there is data
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        display_order = 900
    )]
    output: Option<Output>,
    /// Says where every setting comes from, and logs more
    #[arg(short, long, global = true, display_order = 901)]
    verbose: bool,
}

/// In which form a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For comments and pages.
    Markdown,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Arguments),
    Import(import::Arguments),
    Validate(validate::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Run(run::Arguments),
    Status(status::Arguments),
    Inventory(inventory::Arguments),
    History(history::Arguments),
    Approve(approve::Arguments),
    Pause(pause::Arguments),
    Resume(resume::Arguments),
    Retry(retry::Arguments),
    Trust(trust::Arguments),
    Freeze(freeze::Arguments),
    Thaw(thaw::Arguments),
    Journal(journal::Arguments),
    #[cfg(feature = "sandbox")]
    Sandbox(Box<sandbox::Arguments>),
    #[cfg(feature = "sandbox")]
    Demo(demo::Arguments),
    Schema(schema::Arguments),
    Explain(explain::Arguments),
    Completions(completions::Arguments),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Well,
    /// Something went wrong; it was told.
    Error,
    /// A plan has changes.
    Changes,
    /// Something is held or failed in part.
    Part,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Well => 0,
            Exit::Error => 1,
            Exit::Changes => 2,
            Exit::Part => 3,
        })
    }
}

/// What a usage error exits with.
const USAGE: u8 = 64;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if usage { USAGE } else { 0 });
        }
    };
    // A second installation is no harm: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let screen = Screen::new(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&screen, &anyhow::Error::new(error).context("the runtime could not be started")),
    };
    let ended = runtime.block_on(dispatch(cli, &screen));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => told(&screen, &error),
    }
}

async fn dispatch(cli: Cli, screen: &Screen) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match cli.command {
        Command::Init(arguments) => init::run(arguments, screen).await,
        Command::Import(arguments) => import::run(arguments, global, screen).await,
        Command::Validate(arguments) => validate::run(&arguments, global, screen),
        Command::Plan(arguments) => plan::run(arguments, global, screen).await,
        Command::Apply(arguments) => apply::run(arguments, global, screen).await,
        Command::Run(arguments) => run::run(arguments, global, screen).await,
        Command::Status(arguments) => status::run(arguments, global, screen).await,
        Command::Inventory(arguments) => inventory::run(arguments, global, screen).await,
        Command::History(arguments) => history::run(arguments, global, screen).await,
        Command::Approve(arguments) => approve::run(arguments, global, screen).await,
        Command::Pause(arguments) => pause::run(arguments, global, screen).await,
        Command::Resume(arguments) => resume::run(arguments, global, screen).await,
        Command::Retry(arguments) => retry::run(arguments, global, screen).await,
        Command::Trust(arguments) => trust::run(arguments, global, screen).await,
        Command::Freeze(arguments) => freeze::run(arguments, global, screen).await,
        Command::Thaw(arguments) => thaw::run(arguments, global, screen).await,
        Command::Journal(arguments) => journal::run(arguments, global, screen).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => sandbox::run(*arguments, screen).await,
        #[cfg(feature = "sandbox")]
        Command::Demo(arguments) => demo::run(arguments, screen).await,
        Command::Schema(arguments) => schema::run(&arguments, screen),
        Command::Explain(arguments) => explain::run(&arguments, screen),
        Command::Completions(arguments) => Ok(completions::run(&arguments, Cli::command(), screen)),
    }
}

/// Prints an error and its chain, once.
fn told(screen: &Screen, error: &anyhow::Error) -> ExitCode {
    screen.error(error);
    Exit::Error.into()
}
