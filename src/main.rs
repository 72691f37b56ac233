//! `slirec-server`, the program; [`slirec_server`] is what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    slirec_server::run()
}
