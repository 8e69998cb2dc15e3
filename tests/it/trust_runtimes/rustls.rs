//! rustls is linked in: the verifier of its client is asked itself, and not a record of it.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use spyhole::api::pki::AskedRuntime;

use super::agreement::{Chain, Corpus, NOW_SECONDS, Recorded, SUITES, documented};

/// What the verifier of a client says, as scripts/trust-verdicts writes it down.
pub(crate) fn said(corpus: &Corpus, chain: &Chain) -> String {
    let der = |name: &String| CertificateDer::from(corpus.der(name));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain.roots.iter().map(der));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let Ok(verifier) = verifier.build() else {
        // A client without a root refuses each chain for that reason, if it can read the leaf.
        return "refused: invalid peer certificate: UnknownIssuer".to_owned();
    };
    let chain_der: Vec<CertificateDer> = chain.chain.iter().map(der).collect();
    let (leaf, between) = chain_der.split_first().unwrap();
    let host = ServerName::try_from(chain.host.as_str()).unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW_SECONDS));
    match verifier.verify_server_cert(leaf, between, &host, &[], now) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => format!("refused: {error}"),
    }
}

#[test]
fn the_verdict_for_rustls_is_that_of_its_verifier() {
    let documented = documented();
    for suite in SUITES {
        let corpus = suite.corpus();
        let answers = corpus
            .chains
            .iter()
            .map(|chain| (chain.name.clone(), said(&corpus, chain)));
        let live = Recorded {
            version: String::new(),
            chains: answers.collect(),
        };
        let recorded = [("rustls".to_owned(), live)].into();
        let runtimes = [("rustls", AskedRuntime::rustls(23, false).unwrap())];
        for found in corpus.compared(&recorded, &runtimes) {
            let row = found.row("rustls 0.23");
            let differing = (found.differing, found.lacking, found.other_sentence);
            let all = format!("{} {row} {differing:#?}", suite.name);
            assert_eq!(differing.0.len() + differing.1.len(), 0, "{all}");
            assert!(
                documented.contains(&row),
                "docs/trust-stores.md lacks {all}"
            );
        }
    }
}
