//! The `slotwise` program: reads its settings and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    slotwise::program::main()
}
