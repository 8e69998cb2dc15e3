//! Parse, run, exit.

fn main() -> std::process::ExitCode {
    spyhole::api::run(std::env::args_os())
}
