//! Inside the application's own container: the program copies itself into a volume without
//! a shell ([`install`]), and starts an application that will not stay up ([`run`]).

pub mod install;
pub mod run;
