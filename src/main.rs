//! Parse, run, exit.

fn main() -> std::process::ExitCode {
    spyhole::cli::run(std::env::args_os())
}
