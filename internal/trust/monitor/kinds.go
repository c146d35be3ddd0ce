package monitor

import "time"

// Kind is what can be wrong.
type Kind string

// The kinds of condition.
const (
	SourceSilent        Kind = "source_silent"
	CollectorOffline    Kind = "collector_offline"
	FilesFailing        Kind = "files_failing"
	DiskFull            Kind = "disk_full"
	DiskFailing         Kind = "disk_failing"
	QuotaFull           Kind = "quota_full"
	KeysOutOfStep       Kind = "keys_out_of_step"
	CertificateExpiring Kind = "certificate_expiring"
	TokenExpiring       Kind = "token_expiring"
	ClockOff            Kind = "clock_off"
	EngineFailing       Kind = "engine_failing"
	RecordingMissing    Kind = "recording_missing"
	PaymentRecorded     Kind = "payment_recorded"
	BackupFailed        Kind = "backup_failed"
	WebhookFailing      Kind = "webhook_failing"
	ImportStopped       Kind = "import_stopped"
	LogBroken           Kind = "log_broken"
	MailFailing         Kind = "mail_failing"
	RequestDue          Kind = "request_due"
	HostChanged         Kind = "host_changed"
	SignInRefused       Kind = "sign_in_refused"
	SpoolFilling        Kind = "spool_filling"
	KeyHolderFailing    Kind = "key_holder_failing"
	KeyRotationOverdue  Kind = "key_rotation_overdue"
	RemovalUnanswered   Kind = "removal_unanswered"
	PseudonymsFailing   Kind = "pseudonyms_failing"
	NightFailed         Kind = "night_failed"
)

// Severity says how soon somebody has to look.
type Severity string

// The severities.
const (
	Urgent  Severity = "urgent"  // recordings are being lost, or will be within hours; told at any hour
	Warning Severity = "warning" // becomes urgent if nobody acts; waits for the end of quiet hours
)

// Rule is what is known of one kind, for all customers.
type Rule struct {
	Kind     Kind
	Severity Severity
	Title    string        // what is wrong, in a few words
	Todo     string        // what to do about it
	Hold     time.Duration // how long the condition must be gone before the alert ends: what comes and goes is one alert
}

// Rules are all kinds, in the order in which they are shown. A kind that is not
// here cannot be reported.
var Rules = []Rule{
	{RecordingMissing, Urgent, "Calls without a recording", "Look at the calls on the page Coverage: the files may still be on the telephone system. What was rightly not recorded can be excused there.", 0},
	{PaymentRecorded, Warning, "Payments were recorded", "Look at the page Payments: recording was not paused while a card was read out or keyed in. Redact these recordings, and see why the pause did not come.", 0},
	{SourceSilent, Urgent, "Nothing comes from a source", "Check that the telephone system records, and that the way from it to here works.", 0},
	{CollectorOffline, Urgent, "A collector is offline", "Look at the box beside the telephone system: is it on, is its service running, does it reach this server? What it has waits there.", time.Minute},
	{SpoolFilling, Warning, "A collector's spool is filling", "Find out why the box cannot deliver: its line, this server, or a quota. When the spool is full, files stay on the telephone system, which may delete them.", 5 * time.Minute},
	{HostChanged, Urgent, "A source's other side shows another key", "Nothing is fetched: somebody else may be answering. Ask whoever runs the other side whether its key was changed, compare the fingerprint, and confirm it on the page of the source.", 0},
	{SignInRefused, Urgent, "A source's other side refuses the sign-in", "The password or key has run out or was changed there. Set the new one on the page of the source; what was not fetched waits on the other side.", 0},
	{FilesFailing, Warning, "Files cannot be taken in", "Look at the page Needs attention: each file says why, and what to do.", time.Minute},
	{ImportStopped, Warning, "An import has stopped", "Open the import: it says why, and goes on where it stopped.", 0},
	{LogBroken, Urgent, "The change log does not hold", "An event was taken out, or the tree over the events is damaged. Keep the last checkpoint that left the house, restore a backup beside, and compare exports of both with ringfence verify.", 0},
	{EngineFailing, Warning, "Transcription does not work", "Look at the speech engine's settings and whether it answers. Recordings are kept and wait.", 2 * time.Minute},
	{WebhookFailing, Warning, "A webhook is not answered", "Check the receiving end; what was not delivered can be sent again from the page Webhooks.", 2 * time.Minute},
	{QuotaFull, Warning, "A quota is nearly used up", "Ask whoever provides this service for more, or keep recordings for a shorter time. At the limit nothing new is captured.", 5 * time.Minute},
	{TokenExpiring, Warning, "A credential runs out", "Make a new one and put it where the old one is used, before the old one ends.", 0},
	{DiskFull, Urgent, "A disk is nearly full", "Free some space or enlarge the disk. On a full disk nothing is captured.", 5 * time.Minute},
	{DiskFailing, Urgent, "A disk cannot be written", "Look at the disk that holds the data folder's intake, and at the server's log. Files that are pushed or fetched are refused, and senders are asked to send again; each minute it is tried anew.", 2 * time.Minute},
	{KeysOutOfStep, Urgent, "The copies of the keys differ", "Look at the disk or database of the second copy. Until they agree, sources are only kept.", time.Minute},
	{CertificateExpiring, Warning, "A certificate runs out", "Renew it. When it has run out, nobody reaches this server.", 0},
	{ClockOff, Warning, "A clock is wrong", "Let the machine set its clock from the network (NTP). Wrong times lead to wrong order, and beyond five minutes a collector is refused.", 2 * time.Minute},
	{BackupFailed, Urgent, "A backup or a drill of restoring has failed", "Open the page Backups: it says which, when, and why.", 0},
	{KeyHolderFailing, Warning, "The customer's own key server does not lend the key", "Look at the key server: is it running and unsealed, and may Ringfence still use the key? Until then nothing is opened; recordings are taken in and kept. Settings are on the page Keys.", time.Minute},
	{KeyRotationOverdue, Warning, "A key was to be rotated", "Rotate it on the page Keys; the archive goes on meanwhile. Or choose another rhythm there.", 0},
	{RemovalUnanswered, Warning, "A collector does not say what became of destroyed recordings", "Look at the box beside the telephone system: is it on, does it reach this server, is its folder connected? Until it answers, their certificate says that it waits. If the box is gone for good, revoke it: the certificate then says that nobody knows.", 0},
	{NightFailed, Warning, "The nightly round has failed", "What was due to be destroyed or replaced by rule may still be there. It is tried again in the next night and whenever the server starts; the server's log says what is wrong.", 0},
	{PseudonymsFailing, Warning, "Names are not replaced, or a way back is not destroyed", "Open the page Pseudonyms: it says which run is concerned, and takes up what was left. What was given up is tried again each night; the server's log says what is wrong.", 10 * time.Minute},
	{RequestDue, Warning, "A person's request is to be answered", "Open the page Person requests. The law gives a month; where a request is complex it can be made two months longer, with the reason, before the month is over.", 0},
	{MailFailing, Warning, "Alerts cannot be mailed", "Check the mail settings of the server and the address. It is tried again.", 0},
}

// RuleOf is what is known of a kind; ok is false for one that is not.
func RuleOf(k Kind) (r Rule, ok bool) {
	for _, r := range Rules {
		if r.Kind == k {
			return r, true
		}
	}
	return Rule{}, false
}
