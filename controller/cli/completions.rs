//! `driftless completions`: what a shell needs to complete arguments, on stdout.

use super::Exit;
use super::screen::Screen;
use clap_complete::Shell;

/// Prints completions for a shell
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  source <(driftless completions bash)        in ~/.bashrc\n  source <(driftless completions zsh)         in ~/.zshrc, after compinit\n  driftless completions fish | source         in ~/.config/fish/config.fish"
)]
pub struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &Arguments, mut command: clap::Command, screen: &Screen) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "driftless", &mut script);
    screen.print(&String::from_utf8_lossy(&script));
    Exit::Well
}
