//! What `X509_V_FLAG_X509_STRICT` finds, which Python sets since 3.13 (`check_chain_extensions`).

use super::certificate::OpensslCertificate;

impl OpensslCertificate<'_> {
    /// The faults that it finds.
    pub(super) fn strict_faults(&self, is_last: bool) -> Vec<&'static str> {
        let mut faults = Vec::new();
        let is_ca = self.basic.is_some_and(|(is_ca, _)| is_ca);
        let signs = self.usage.is_some_and(|usage| usage & 0x0400 != 0);
        if self.path_length().is_some() {
            if !is_ca {
                faults.push("Path length invalid for non-CA cert");
            }
            if !signs {
                faults.push("Path length given without key usage keyCertSign");
            }
        }
        let marked = |id: u8| {
            let mut listed = self.raw.listed().iter();
            listed.any(|one| one.id == [0x55, 0x1d, id] && one.is_critical())
        };
        if is_ca && !marked(19) {
            faults.push("Basic Constraints of CA cert not marked critical");
        }
        if is_ca && self.usage.is_none() {
            faults.push("CA cert does not include key usage extension");
        }
        if !is_ca && signs {
            faults.push("Key usage keyCertSign invalid for non-CA cert");
        }
        if self.issuer.is_empty() {
            faults.push("Issuer name empty");
        }
        let has_san = self.raw.value(&[0x55, 0x1d, 17]).is_some();
        if self.subject.is_empty() {
            if is_ca || !has_san {
                faults.push("Subject name empty");
            } else if !marked(17) {
                faults.push("Subject empty and Subject Alt Name extension not critical");
            }
        }
        if has_san && self.names.is_empty() {
            faults.push("Empty Subject Alternative Name extension");
        }
        if !self.algorithms_agree() {
            faults.push("cert info signature and signature algorithm mismatch");
        }
        if marked(35) {
            faults.push("Authority Key Identifier marked critical");
        }
        if marked(14) {
            faults.push("Subject Key Identifier marked critical");
        }
        if self.raw.version.is_some_and(|version| version >= 2) {
            if !is_last && self.issuer_ids.is_none_or(|[id, _, _]| id.is_none()) {
                faults.push("Missing Authority Key Identifier");
            }
            if is_ca && self.key_id.is_none() {
                faults.push("Missing Subject Key Identifier");
            }
        } else if !self.raw.listed().is_empty() {
            faults.push("Using cert extension requires at least X509v3");
        }
        faults
    }
}
