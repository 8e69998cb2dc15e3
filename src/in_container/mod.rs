//! Inside the application's own container: the program copies itself into a volume without
//! a shell ([`install`]), and starts an application that will not stay up ([`run`]).

pub(crate) mod install;
pub(crate) mod own_commands;
pub(crate) mod run;
