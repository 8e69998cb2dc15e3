//! The verdict on a chain as the target's runtime decides it.

use super::{AskedRuntime, RuntimeAnswer};
use crate::model::verdict::{Finding, Judgement, Problem, RuntimeVerdict, Verdict};
use crate::pki::{Question, judge};

/// Judges a chain; where the rules of the runtime are known, its answer decides, and the findings
/// explain it.
pub(crate) fn judge_for(question: &Question, runtime: Option<&AskedRuntime>) -> Verdict {
    let mut verdict = judge(question);
    let Some((runtime, answer)) = runtime.and_then(|one| Some((one, one.ask(question)?))) else {
        return verdict;
    };
    let name = runtime.name.clone();
    let (judgement, says) = match answer {
        RuntimeAnswer::Accepted => {
            accept(&mut verdict, &name);
            (Judgement::Verified, None)
        }
        RuntimeAnswer::Refused(says) => {
            verdict.judgement = Judgement::Refused;
            let fatal = verdict
                .findings
                .iter()
                .filter(|finding| finding.fatal)
                .count();
            let finding = Finding {
                problem: Problem::RefusedByRuntime,
                fatal: true,
                certificate: None,
                says: format!("{name} rejects this chain: {says}"),
                at: None,
            };
            verdict.findings.insert(fatal, finding);
            (Judgement::Refused, Some(says))
        }
        RuntimeAnswer::Lacks(rule) => (
            Judgement::CannotVerify,
            Some(format!("spyhole does not implement {rule}")),
        ),
    };
    verdict.runtime = Some(RuntimeVerdict {
        name,
        judgement,
        says,
    });
    verdict
}

/// What others refuse becomes a warning; a revocation stays, which no runtime asks for by itself.
fn accept(verdict: &mut Verdict, name: &str) {
    let decides = |finding: &Finding| finding.fatal && finding.problem != Problem::Revoked;
    if !verdict.findings.iter().any(decides) {
        return;
    }
    for finding in &mut verdict.findings {
        if decides(finding) {
            finding.fatal = false;
            finding.says.push_str("; ");
            finding.says.push_str(name);
            finding.says.push_str(" accepts it");
        }
    }
    let revoked = verdict.findings.iter().any(|finding| finding.fatal);
    if !revoked {
        verdict.judgement = Judgement::Verified;
    }
}
