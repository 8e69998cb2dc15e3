//! Tokens that their own form gives away: the prefix, and what follows it.
//!
//! The forms are facts that the vendors publish and that scanners for secrets know.

use crate::model::secret::SecretKind;
use SecretKind::{
    AwsKey, AzureKey, GcpKey, GithubToken, GitlabToken, PrivateKey, SlackToken, StripeKey,
    VendorToken,
};

/// What has to follow a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::redact) enum Rest {
    /// This many letters, digits, `_`, `-`, `.`, `=`, `~` at least.
    Long(usize),
    /// The same, with a digit: the prefix may also begin a word.
    Digit(usize),
    /// The same, with a digit and a capital: the prefix is a word, or short.
    Mixed(usize),
    /// This many hexadecimal digits at least.
    Hex(usize),
    /// This many capitals and digits exactly.
    Capitals(usize),
    /// Base64, in which a slash is no end.
    Base64(usize),
    /// This many letters and digits at least, small ones and capitals among them.
    Cased(usize),
    /// A UUID.
    Uuid,
    /// Has a dot, a digit and a capital.
    Dotted(usize),
    /// Has a dot and a digit; a slash is no end.
    DottedBase64(usize),
}

use Rest::{Base64, Capitals, Cased, Digit, Dotted, DottedBase64, Hex, Long, Mixed, Uuid};

/// Kind, what follows, and the prefixes, separated by spaces.
#[rustfmt::skip]
pub(in crate::redact) const TOKENS: &[(SecretKind, Rest, &str)] = &[
    (AwsKey, Capitals(16), "AKIA ASIA ABIA ACCA A3T"),
    (AwsKey, Base64(60), "ABSK bedrock-api-key-"),
    (GcpKey, Long(16), "AIza ya29. GOCSPX-"),
    (GithubToken, Long(16), "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_"),
    (GitlabToken, Long(16), "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glsoat- glagent- gloas- glimt- glffct- glwt- GR1348941"),
    (SlackToken, Long(16), "xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xwfp-"),
    (StripeKey, Long(10), "sk_live_ rk_live_ sk_test_ rk_test_ sk_prod_ rk_prod_ sk_org_ whsec_"),
    (PrivateKey, Long(16), "AGE-SECRET-KEY- PRIVATE+KEY+ AGE-PLUGIN-"),
    (AzureKey, Base64(60), "JQQJ99"),
    // Prefixes that no word begins with.
    (VendorToken, Long(16), "npm_ dckr_pat_ dckr_oat_ rubygems_ CLOJARS_ cmVmd AKCp CCIPAT_ CCIPRJ_ bkua_ bkct_ sgp_ slk_ squ_ sqp_ sqa_ sqb_ \
        ddp_ pnu_ pnb_ ATATT3 ATCTT3 ATBB ATOATT ATSTT sntrys_ sntryu_ sntrya_ jfut_ pul_ ico- endr+ nfp_ nfc_ nfo_ nfb_ nfu_ rnd_ xau_ fo1_ fm1r_ fm1a_ fm2_ \
        hvs. hvb. hvr. dop_v1_ doo_v1_ dor_v1_ pscale_pw_ pscale_tkn_ pscale_oauth_ pscale_app_ tskey- dnkey- HRKU- CCDB1_ ntn_ NRAK- NRJS- NRII- NRIQ- NRRA- NRSP- NRBR- NRAA- \
        CFPAT- PMAK- PMAT- lin_api_ lin_oauth_ figd_ figu_ figo_ figor_ shpat_ shpss_ shpca_ shppa_ shptka_ shpit_ sq0atp- sq0csp- EZAK EZTK duffel_test_ duffel_live_ \
        shippo_live_ shippo_test_ rdme_ xkeysib- xsmtpsib- fio-u- tfp_ sm_aat_ sm_pat_ sm_sat_ zpka_ ramp_sec_ rzp_live_ rzp_test_ sk-ant- sk-or- sk-lf- sk-proj- sk-svcacct- sk-admin- \
        ops_eyJ p8e- PRODSECRET_ api_live. api_sandbox. svixsk_ sgpat_ v1.0- pdl_live_ pdl_sdbx_ ory_st_ ory_at_ ory_rt_ ory_pat_ gcntfy- atlasv1. lsv2_ tvly- hcaik_ hcamk_ hcxik_ hcxmk_ hcxlk_ fc-"),
    // Prefixes that may also begin a word.
    (VendorToken, Mixed(16), "pypi- sk- sk_ key_ tok_ pat_ gsk_ xai- nvapi- r8_ csk- fw_ rpa_ re_ pa- EAAA EAAM EAAC LTAI glc_ glsa_ SC pat- jina_ cal_live_ cal_test_ \
        vcp_ vci_ vca_ vcr_ vck_ lip_ ion_ aio_ waka_ flb_ snyk_ codecov_ railway_ koyeb_ tfe_ tss_ AQVN t1. YCAJ YCM napi_ aivenv1 scw- ATTA patn dG9r lsk_ polar_ nylas_ infisical_ doppler_ rootly_ \
        linode_ exo_ civo_ CLICKUP_ whpat_ uk_live_ hcp_ seam_ permit_key_ kagi_ crsr_ cio_ bw_ secret_ apify_api_ tk-us- tk-eu- oy2 st. ck_live_ lob_live_ plaid_ cst_ hop_"),
    (VendorToken, Hex(32), "SK key- dapi pul- sbp_ live_ test_ pub_key- s-s4t2ud- s-s4t2af- deno_"),
    (VendorToken, Digit(24), "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. phx_ sb_secret_ pplx- pcsk_ dt0c01. dt0s01. dt0s16. sha256~ A3- eyJrIjoi gAAAAA 4b1d"),
    (VendorToken, Dotted(40), "pat"),
    (VendorToken, Digit(50), "SG."),
    (VendorToken, Mixed(24), "s. b."),
    (VendorToken, Digit(30), "pat-na1- pat-eu1-"),
    (VendorToken, Digit(12), "FLWSECK_TEST- FLWSECK- FLWPUBK_TEST- access-sandbox- access-production- access-development-"),
    (VendorToken, Cased(30), "hf_ api_org_"),
    (VendorToken, Uuid, "api- sdk- mob- pat-na1- pat-eu1- pat-na2- pat-na3- pat-eu2- pat-ap1-"),
    (VendorToken, DottedBase64(40), "sc_ ext_ scauth_ authress_"),
    (VendorToken, Base64(30), "sl. fm1_ AVNS_ xprv yprv zprv"),
    (VendorToken, Capitals(26), "API-"),
];

/// Prefixes of identifiers that look random and are made to be seen.
#[rustfmt::skip]
pub(in crate::redact) const IDENTIFIERS: &str = "acct_ cus_ pi_ ch_ sub_ price_ prod_ in_ evt_ pm_ seti_ txn_ req_ src_ card_ ba_ po_ re_1 tr_ si_ il_ inv_ qt_ plink_ cs_live_ cs_test_ \
    pk_live_ pk_test_ pk. rk. org- proj_ asst_ thread_ run_ msg_ file- vs_ step_ resp_ chatcmpl- batch_ i- vol- vpc- subnet- sg- eni- ami- snap- rtb- igw- nat- acl- eipalloc- \
    phc_ pub_ pk-lf- FLWPUBK- user_ team_ usr_ ord_ cmp_ dpl_ prj_ trace- span- build- ocid1. urn: did: sha1- sha256- sha384- sha512- h1: gid: Qm bafy";
