//! URLs whose path is the credential.

/// Where the secret part of such a URL begins.
///
/// Host, then the path up to the secret. `*` in front of a host stands for any beginning, in a path
/// for one segment; a host of `*` alone is any.
#[rustfmt::skip]
pub(in crate::redact) const HOOKS: &[&str] = &[
    "hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/", "hooks.slack-gov.com/services/",
    "discord.com/api/webhooks/", "discordapp.com/api/webhooks/", "ptb.discord.com/api/webhooks/", "canary.discord.com/api/webhooks/",
    "outlook.office.com/webhook/", "outlook.office365.com/webhook/", "*.webhook.office.com/", "*.logic.azure.com/", "*.logic.azure.com:443/",
    "*.powerplatform.com/", "chat.googleapis.com/v1/spaces/", "hooks.zapier.com/hooks/", "hooks.zapier.com/hooks/catch/", "maker.ifttt.com/trigger/*/with/key/", "maker.ifttt.com/use/", "maker.ifttt.com/trigger/*/json/with/key/",
    "hc-ping.com/", "healthchecks.io/ping/", "*/ping/", "nosnch.in/", "cronitor.link/", "cronitor.io/p/", "*.betterstack.com/api/v1/heartbeat/", "uptime.betterstack.com/api/v1/heartbeat/", "betteruptime.com/api/v1/heartbeat/", "heartbeat.uptimerobot.com/", "*/api/push/",
    "events.pagerduty.com/integration/", "alert.victorops.com/integrations/", "api.opsgenie.com/v1/json/", "events.pagerduty.com/x-ere/",
    "webexapis.com/v1/webhooks/incoming/", "api.ciscospark.com/v1/webhooks/incoming/", "*/hooks/", "open.feishu.cn/open-apis/bot/v2/hook/", "open.feishu.cn/open-apis/bot/hook/", "open.larksuite.com/open-apis/bot/v2/hook/", "qyapi.weixin.qq.com/cgi-bin/webhook/",
    "*.make.com/", "hook.integromat.com/", "*.m.pipedream.net/", "*/webhook/", "*/webhook-test/", "*/webhooks/", "*/api/webhook/", "webhook.site/", "events.hookdeck.com/e/", "hkdk.events/", "api.svix.com/ingest/",
    "api.netlify.com/build_hooks/", "api.vercel.com/v1/integrations/deploy/", "api.render.com/deploy/", "api.cloudflare.com/client/v4/pages/webhooks/deploy_hooks/",
    "hub.docker.com/api/build/v1/source/", "registry.hub.docker.com/u/*/*/trigger/", "cloud.docker.com/api/build/v1/source/", "*/generic-webhook-trigger/", "api.bitbucket.org/site/addons/",
    "*.loggly.com/inputs/", "collectors.sumologic.com/receiver/", "*.sumologic.com/receiver/", "http-intake.logs.datadoghq.com/v1/input/", "*.datadoghq.com/v1/input/", "*.logs.insight.rapid7.com/v1/noformat/", "*.logz.io/",
    "*.infura.io/v3/", "*.infura.io/ws/v3/", "*.g.alchemy.com/v2/", "*.alchemyapi.io/v2/", "*.quiknode.pro/", "rpc.ankr.com/*/", "*.chainstack.com/", "*.getblock.io/",
    "api.telegram.org/bot", "api.telegram.org/file/bot", "api.pushcut.io/", "api.day.app/", "sctapi.ftqq.com/", "sc.ftqq.com/", "api.mailgun.net/v3/webhooks/", "*.zulipchat.com/api/v1/external/",
    "hooks.airtable.com/workflows/", "hooks.monday.com/", "integrations.grafana.net/", "*.grafana.net/integrations/v1/", "oncall-prod-us-central-0.grafana.net/oncall/integrations/v1/", "hooks.nightbot.tv/", "smee.io/", "hook.us1.make.com/", "hooks.stripe.com/", "hooks.shortcut.com/", "hooks.glip.com/webhook/", "hooks.ringcentral.com/webhook/", "hooks.mattermost.com/hooks/", "api.flock.com/hooks/sendMessage/", "pumble.com/workspace/", "hooks.workplace.com/", "rocket.chat/hooks/", "in.webhookrelay.com/v1/webhooks/", "notify.run/", "ntfy.sh/",
];
