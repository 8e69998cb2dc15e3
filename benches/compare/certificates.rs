//! Certificates on disk: a bundle of 150 authorities and 50 files with a leaf and its key each.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::contender::{Contender, Rows};
use crate::report::{self, Against, Figure, Measure};
use crate::{Options, Outcome, Scenario, race};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "certificates",
    about: "a bundle of 150 authorities and 50 certificate files, read by spyhole certs",
    run,
};

const ROOTS: usize = 150;
const FILES: usize = 50;

const FIGURES: &[Figure] = &[
    Figure {
        of: "spyhole certs",
        measure: Measure::Wall,
        against: Against::Nothing,
        at_most: Some(30.0),
    },
    Figure {
        of: "spyhole certs -o json",
        measure: Measure::Wall,
        against: Against::Nothing,
        at_most: Some(30.0),
    },
    Figure {
        of: "spyhole certs",
        measure: Measure::Wall,
        against: Against::Times("openssl storeutl"),
        at_most: None,
    },
];

/// A process to look into: one that sleeps, and is ended with the scenario.
pub(crate) struct Target(Child);

impl Target {
    pub(crate) fn start() -> Result<Self, String> {
        let mut command = Command::new("sleep");
        command.arg("infinity");
        command.spawn().map(Self).map_err(|error| error.to_string())
    }

    pub(crate) fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(options: &Options) -> Result<Outcome, String> {
    let runs = options.rounds(15);
    report::print_machine(runs);
    let house = tempfile::tempdir().map_err(|error| error.to_string())?;
    furnish(house.path()).map_err(|error| error.to_string())?;
    let target = Target::start()?;
    let directory = house.path().display().to_string();
    let spyhole = |form: &[&str]| {
        let words = ["certs", "--pid", &target.pid(), "--dir", &directory].map(str::to_owned);
        let mut command = vec![options.spyhole.clone()];
        command.extend(words);
        command.extend(form.iter().map(|word| (*word).to_owned()));
        command
    };
    let contenders = [
        Contender {
            name: "spyhole certs",
            command: spyhole(&[]),
            // The bundle is one line.
            rows: Some(Rows {
                mark: "\n",
                at_least: FILES,
            }),
        },
        Contender {
            name: "spyhole certs -o json",
            command: spyhole(&["-o", "json"]),
            rows: Some(Rows {
                mark: "\"fingerprint_sha256\"",
                at_least: ROOTS + FILES,
            }),
        },
        Contender {
            name: "openssl storeutl",
            command: [
                "openssl",
                "storeutl",
                "-noout",
                "-text",
                "-certs",
                &format!("{directory}/bundle.pem"),
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: Some(Rows {
                mark: "Serial Number",
                at_least: ROOTS,
            }),
        },
    ];
    Ok(report::print(&race::run(&contenders, runs), FIGURES))
}

fn furnish(house: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut bundle = String::new();
    let mut issuer = None;
    for number in 0..ROOTS {
        let (params, key) = (
            authority(&format!("Authority {number}"))?,
            KeyPair::generate()?,
        );
        bundle.push_str(&params.self_signed(&key)?.pem());
        issuer = Some(Issuer::new(params, key));
    }
    fs::write(house.join("bundle.pem"), bundle)?;
    let issuer = issuer.ok_or("no authority")?;
    for number in 0..FILES {
        let key = KeyPair::generate()?;
        let name = format!("service-{number}.example");
        let leaf = CertificateParams::new(vec![name])?.signed_by(&key, &issuer)?;
        fs::write(house.join(format!("{number}.crt")), leaf.pem())?;
        fs::write(house.join(format!("{number}.key")), key.serialize_pem())?;
    }
    Ok(())
}

/// An authority of this name.
pub(crate) fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(params)
}
