package journal

import "strings"

// Code is a kind of event and what it means to the people who read the journal.
type Code struct {
	Code    string // noun first, in the past tense
	Meaning string
}

// Codes are all kinds of events, by the package that records them. A kind that
// is recorded and does not stand here fails a test.
var Codes = []Code{
	// platform/place
	{"place.created", "the place of a customer was made"},
	{"place.destroyed", "the place of a customer was removed for ever"},
	{"place.restored", "this customer was put back to an earlier time from a backup; what came after it is not here any more"},
	{"opening.granted", "somebody, or the program itself, was given leave to open sealed content, before it was opened"},

	// platform/journal
	{"events.erased", "what was personal in events was taken out; who did what, when and to what stays, and so does the log's proof"},
	{"checkpoint.signed", "what the change log is was signed, for those who keep watch over it"},
	{"checkpoint.cosigned", "somebody who keeps watch over the change log put their signature beside ours"},
	{"witness.added", "somebody receives checkpoints of the change log from now on"},
	{"witness.removed", "somebody receives checkpoints of the change log no more"},

	// tenancy/org
	{"provider.created", "the organisation that runs this installation was named"},
	{"reseller.created", "a reseller was added"},
	{"customer.created", "a customer was added; its keys and its place are being made"},
	{"customer.opened", "a new customer has its keys and its place"},
	{"customer.suspended", "a customer was closed to everybody; nothing is captured and nothing was deleted"},
	{"customer.resumed", "a suspended customer was opened again"},
	{"node.renamed", "an organisation was given another name"},
	{"quota.set", "how much an organisation may use was set"},
	{"branding.set", "how an organisation shows itself in the portal and in mails was set"},
	{"checklist.mailed", "a test mail with a link was sent"},
	{"checklist.mail-arrived", "the link of a test mail was followed"},
	{"checklist.signed", "somebody signed that a customer was set up, as the system had found"},
	{"blueprint.applied", "a blueprint was decided on; what it says is being carried out"},
	{"blueprint.finished", "what a blueprint says was carried out"},

	// trust/custody
	{"key.server-set", "how a customer's own key server is reached was set"},
	{"key.rotation-asked", "somebody asked for a key to be rotated, handed over or taken back"},
	{"key.rotated", "a customer has a new key; everything was put under it and the old one was erased"},
	{"key.handed-over", "a customer's key is held by their own key server from now on"},
	{"key.taken-back", "a customer's key is held by this installation again"},
	{"key.root-rotated", "everything was put under a new root key"},
	{"key.root-retired", "the file of a former root key was removed"},
	{"key.rhythm-set", "how often a key is to be rotated was chosen"},

	// tenancy/identity
	{"person.added", "somebody was added who can sign in once they have a password"},
	{"person.placed", "somebody who is known already was given access to another customer"},
	{"person.unplaced", "somebody has no access to a customer any more"},
	{"invitation.mailed", "somebody was told by mail that they have access"},
	{"password.set", "somebody set their first password with the link of an invitation"},
	{"password.changed", "somebody changed their password"},
	{"session.started", "somebody signed in"},
	{"sessions.ended", "all sessions that an identity provider had vouched for were ended"},
	{"session.ended", "a session was ended: by its person, an administrator, or a new password or factor"},
	{"session.proved", "somebody showed again who they are, before a dangerous act or to enter a stricter customer"},
	{"password.forgotten", "somebody was mailed a link to set a new password"},
	{"password.reset", "somebody set a new password with a mailed link"},
	{"totp.set", "somebody set up an authenticator app"},
	{"totp.removed", "somebody's authenticator app no longer counts"},
	{"recovery.made", "somebody was shown new recovery codes; older ones ended"},
	{"recovery.used", "somebody signed in with a recovery code, which ended it"},
	{"passkey.added", "somebody registered a passkey"},
	{"passkey.removed", "somebody's passkey no longer counts"},
	{"factors.reset", "somebody had lost their second factors; an administrator took them away"},
	{"passkey.copied", "a passkey showed an older count than before: there may be a copy of it; it was refused"},
	{"browser.trusted", "somebody lets a browser be remembered"},
	{"browser.forgotten", "a browser is no longer remembered"},
	{"invitation.withdrawn", "the links of an invitation that was not used yet ended: it was taken back, or mailed anew"},
	{"signin.set", "how people must have signed in was chosen"},
	{"everybody.out", "everybody was signed out"},
	{"role.given", "somebody was given a role at the provider or a reseller"},
	{"member.invited", "somebody was given roles at this customer"},
	{"member.joined", "somebody used their roles for the first time"},
	{"member.changed", "somebody's roles or extensions were changed"},
	{"member.suspended", "nobody decided on somebody's roles in time; they hold none until an administrator gives them back"},
	{"member.resumed", "somebody got back the roles that were suspended"},
	{"role.taken", "somebody's role at the provider or a reseller was taken away"},
	{"member.removed", "all of somebody's roles were taken away"},
	{"superuser.granted", "somebody may now listen to all recordings"},
	{"superuser.withdrawn", "somebody may no longer listen to all recordings"},
	{"token.created", "a machine was given a token"},
	{"token.removed", "a machine's token was ended"},

	// tenancy/entry
	{"entry.added", "a network was added to an access list"},
	{"entry.changed", "a rule of an access list was changed"},
	{"entry.removed", "a network was taken out of an access list"},
	{"entry.expired", "a rule of an access list ran out and was taken out"},
	{"entry.opened", "the last rule of an access list has gone: this way in is open to all networks"},
	{"entry.refused", "somebody who has a right here came from a network that the access list does not let in"},

	{"support.granted", "somebody of the provider or a reseller was let in for a while, and why"},
	{"support.used", "somebody came in by support access for the first time"},
	{"support.ended", "a support access was ended before its time"},
	{"support.placed", "somebody of the provider or a reseller can find a customer that let them in"},

	// tenancy/directory
	{"directory.assigned", "an extension was said to be somebody's, from when and until when"},
	{"directory.ended", "an extension is somebody's no longer; the calls until then stay theirs"},
	{"directory.withdrawn", "an assignment that was never true was removed"},
	{"directory.imported", "a file of assignments was read into the directory"},

	// tenancy/scim
	{"provisioner.created", "an identity provider was given a token to push people with"},
	{"provisioner.removed", "the token of an identity provider was ended"},
	{"provisioning.set", "it was chosen which pushed groups are worth which roles"},
	{"provisioning.refused", "an identity provider wanted to take out the last administrator, and was refused"},
	{"pushed-user.added", "an identity provider pushed somebody"},
	{"pushed-user.changed", "an identity provider changed somebody it pushed"},
	{"pushed-user.removed", "an identity provider removed somebody it pushed"},
	{"pushed-group.added", "an identity provider pushed a group"},
	{"pushed-group.changed", "an identity provider changed a group or its members"},
	{"pushed-group.removed", "an identity provider removed a group"},

	// tenancy/sso
	{"idp.added", "a customer's identity provider was set up"},
	{"idp.changed", "an identity provider was set up anew, or switched on or off"},
	{"idp.removed", "an identity provider was removed, with whom it knew"},
	{"idp.tested", "somebody looked at what an identity provider sends, without being signed in by it"},
	{"idp.metadata-read", "an identity provider published a new certificate or address"},
	{"idp.vouched", "somebody was let in by an identity provider's word"},
	{"idp.domains-released", "the e-mail domains of a removed identity provider were given up"},
	{"link.made", "what an identity provider calls somebody was linked to that person"},
	{"link.asked", "an identity provider let somebody in who may be a member; an administrator has to say so"},
	{"link.confirmed", "an administrator said that an identity provider's somebody is this member"},
	{"link.removed", "an identity provider's somebody is linked to nobody any more"},
	{"domain.claimed", "a customer said that a domain of e-mail addresses is theirs"},
	{"domain.verified", "a customer showed that a domain of e-mail addresses is theirs"},
	{"domain.released", "a customer gave up a domain of e-mail addresses"},

	// tenancy/review
	{"review.rule-set", "it was chosen how often access is reviewed, and what happens to what nobody decides"},
	{"review.opened", "an access review began: a line for everybody who holds a role"},
	{"review.reminded", "administrators were reminded of an access review"},
	{"review.line-decided", "an administrator decided whether somebody keeps their roles"},
	{"review.line-suspended", "nobody decided on somebody in time, and their roles were suspended"},
	{"review.escalated", "an access review was not finished in time, and the level above was told"},
	{"review.closed", "an access review ended, and its result was signed"},
	{"paper-key.made", "the key that signs documents was made"},

	// trust/approval
	{"approval.asked", "somebody asked for an act that needs a second person"},
	{"approval.given", "a second person said yes"},
	{"approval.refused", "somebody said no, or who had asked thought better of it"},
	{"approval.taken", "what had been approved was carried out"},

	// trust/privacy
	{"retention.rules-set", "rules on how long recordings are kept came into force"},
	{"retention.shortening-asked", "somebody wants recordings to be kept less long: it waits a week, or for a second person"},
	{"retention.shortening-withdrawn", "shorter rules that waited were taken back"},
	{"hold.placed", "a legal hold was placed: nothing under it can be destroyed"},
	{"hold.widened", "recordings that fit a legal hold by now were put under it"},
	{"hold.lifting-asked", "somebody wants a legal hold to be lifted: it waits for a second person"},
	{"hold.lifted", "a second person agreed, and a legal hold was lifted"},

	// trust/backup
	{"backup.asked", "somebody had a backup made, or a restore tried, beside the schedule"},

	// trust/receipt
	{"purpose.set", "it was chosen of whom a purpose is asked before a recording is opened"},

	// trust/person
	{"request.opened", "somebody asked what is kept of them, or what is to be done with it; the time of the law runs"},
	{"request.searched", "all stores were looked through for the person of a request"},
	{"request.searched-again", "the stores are looked through once more for the person of a request"},
	{"request.too-wide", "what a request names fits nearly everybody; nothing was listed"},
	{"request.identified", "it was noted how it was made sure that a person is who they say"},
	{"request.decided", "of finds it was said whether they are the person's, and why they would be kept"},
	{"request.extended", "the time to answer a request was made two months longer, and why"},
	{"request.erasure-ordered", "the erasure of what is a person's was confirmed, with the exact number"},
	{"request.erased", "the erasure of what is a person's came to its end"},
	{"request.restricted", "recordings are only stored, at the request of a person who is in them"},
	{"request.unrestricted", "recordings are no longer restricted; the person was told before"},
	{"request.objected", "somebody objected to some processing of their calls, or took that back"},
	{"request.pack-asked", "what is kept of a person is being put together for them"},
	{"request.ended", "a person's request was answered, or refused with a reason"},
	{"request.certified", "what was done about a person's request until it was ended was stated and signed"},
	{"request.kept-for", "it was chosen how long requests of persons and breaches are kept once they are closed"},
	{"request.purged", "a person's request was closed so long ago that it was deleted, with what was found and what the log says of it in words"},

	// trust/pseudonym
	{"pseudonym.key-made", "the key was made under which names and numbers lead to their pseudonyms"},
	{"pseudonym.rule-set", "it was chosen from which age on names and numbers are replaced by pseudonyms"},
	{"pseudonym.run-asked", "names and numbers in recordings are to be replaced by pseudonyms"},
	{"pseudonym.run-ended", "a replacing of names and numbers came to its end: how many recordings were changed, and how many stayed as they are"},
	{"pseudonym.exported", "an export was given pseudonyms instead of names, which the archive keeps"},
	{"pseudonym.forgetting-asked", "somebody wants the way back from pseudonyms to be destroyed: it waits for a second person"},
	{"pseudonym.forgotten", "a second person agreed, and the way back from pseudonyms was taken out; its keys go next"},

	// trust/breach
	{"breach.opened", "it became known that something may have been in wrong hands; 72 hours run"},
	{"breach.changed", "more became known of a breach, or its notices were drafted anew"},
	{"breach.closed", "a breach was dealt with"},
	{"breach.purged", "a breach was closed so long ago that it was deleted"},

	// platform/egress
	{"egress.sent", "data was about to leave this installation: where to, how much, its hash and the purpose"},

	// platform/webhook
	{"webhook.added", "somebody else's system is to be told what happens: where it is, and of what"},
	{"webhook.changed", "a webhook's address, name or events were changed, or it was paused or switched on"},
	{"webhook.rotated", "a webhook was given a new secret; the one before counts for the hours that are named"},
	{"webhook.removed", "a webhook was removed, with what waited for it"},
	{"webhook.disabled", "a webhook was switched off: its receiver wanted no more, or nothing had arrived for days"},
	{"webhook.replayed", "messages are sent to a webhook once more"},
	{"webhook.tried", "somebody had a test message sent to a webhook"},

	// archive/recording
	{"capture.begun", "recordings were about to be sealed and stored"},
	{"capture.ended", "what was begun came to no new recording, for it was there already"},
	{"capture.given-up", "storing recordings was interrupted; what was left over is cleared away"},
	{"recording.captured", "a recording is in the archive"},
	{"recording.replaced", "a recording was captured again from a file that had grown, and took the place of the shorter one"},
	{"recordings.verified", "recordings were read back and are what was captured; only now may their sources be moved or deleted"},
	{"recording.destruction-ordered", "a recording is to be destroyed; its keys go next"},
	{"recording.destroyed", "a recording's keys were destroyed and what was known of it was removed"},
	{"recording.sound-removed", "a recording's sound was destroyed, and its transcript kept, as a rule says"},

	// trust/redaction
	{"redaction.set", "it was chosen what is found in recordings, and what is taken out of them"},
	{"pause.noted", "a telephone system or a payment page said that a payment was being taken in a call"},
	{"pause.ended", "a pause that was open has ended"},
	{"pauses.purged", "pauses that were told of more than 31 days ago were deleted, and what was noted of redactions of recordings that are no more"},
	{"payment.recorded", "a recording has a payment card's data in it, although it should not"},

	// archive/recording, again
	{"recording.redacted", "a copy without some stretches took the place of a recording; what became of the original"},
	{"recording.redaction-undone", "the original of a redacted recording, which had stayed apart, took its place again"},
	{"recording.pseudonymised", "names and numbers of a recording were replaced by pseudonyms, on its card, in its transcript and, where so chosen, in its sound; what stood there before was destroyed"},
	{"recording.original-ended", "the original of a redacted recording was destroyed, as its time had come"},
	{"recording.marked", "the program found something in a recording that rules ask for, such as card data"},
	{"recording.unmarked", "what a mark said of a recording is true no longer"},
	{"recording.tagged", "somebody put a label on a recording"},
	{"recording.untagged", "somebody took a label off a recording"},
	{"tag.made", "a label for recordings was made"},
	{"tag.removed", "a label was removed, from the recordings that carried it as well"},
	{"call.amended", "later lines of the telephone system's logs told more about a call"},
	{"call.corrected", "a number or a name on the card of a call was put right; the old one stands in this event"},
	{"text.begun", "a transcript was about to be sealed and stored"},
	{"recording.made-smaller", "a form of a recording's sound in fewer bytes was made, checked and stored; what was captured was kept or dropped, as the customer chose"},
	{"storage.set", "it was chosen whether sound is kept in fewer bytes, and whether what was captured is kept beside"},
	{"transcript.state-changed", "a recording's transcript is under way, done, or will not come, and why"},
	{"file.needs-attention", "a file could not be captured, and why"},
	{"file.retried", "somebody had a file that needed attention looked at again"},
	{"files.settled", "files that needed attention were captured after all, or are gone"},
	{"retention.set", "how long recordings are kept was chosen"},
	{"source.added", "a source of recordings was added"},
	{"source.changed", "a source's settings were changed"},
	{"source.removed", "a source of recordings was removed"},
	{"source.state-changed", "a source works, or does not, and why"},
	{"source.parted", "what a source had brought was looked for as the customer leaves: how many files went, or remain"},
	{"source.swept", "moved files of recordings that were destroyed were looked for: how many went, remain, or were not found"},

	// archive/collect
	{"device.added", "a collector was named and given a code to enrol with"},
	{"device.enrolled", "a collector used its code; from now on its key signs what it sends"},
	{"device.revoked", "a collector may send nothing any more"},
	{"device.changed", "a collector was named anew, or it was said when it takes upgrades"},
	{"device.upgrade_asked", "a collector was asked to take a newer release"},
	{"device.release_changed", "a collector runs another release than before"},
	{"device.upgrade_failed", "a collector went back to the release before, as the newer one did not prove itself"},
	{"device.removed", "a collector said what became of the files of a recording that was destroyed"},
	{"device.parted", "a collector said what became of all that it had of a customer who leaves"},

	// archive/intake
	{"drop.login-made", "a login was made by which files can be pushed for a source"},
	{"drop.login-ended", "a login for pushing files ended"},
	{"drop.opened", "a source was given its login for pushing files"},
	{"drop.ended", "a source takes no pushed files any more; what waited was removed"},
	{"drop.key-added", "a public key may push files for a source"},
	{"drop.key-removed", "a public key may push files no more"},
	{"drop.password-set", "a password was made for pushing files, for a system that has no keys"},
	{"drop.password-ended", "a password for pushing files ended"},
	{"drop.token-set", "a token was made for pushing files by HTTPS"},
	{"drop.token-ended", "a token for pushing files by HTTPS ended"},

	// archive/pickup
	{"pickup.set", "where files of a source are fetched from was set"},
	{"pickup.confirmed", "somebody confirmed who the other side is that files are fetched from"},

	// archive/phonesystem
	{"system.set", "where a telephone system's API is, and with what it is asked, was set"},
	{"system.asked", "a telephone system was asked whether it answers, without anything being fetched"},

	// archive/bulk
	{"import.created", "an import of old recordings was prepared; what it would take in is being looked at"},
	{"import.previewed", "what an import would take in is known; nothing was taken in"},
	{"import.started", "an import of old recordings was begun"},
	{"import.paused", "an import was told to wait"},
	{"import.resumed", "an import that waited goes on"},
	{"import.cancelled", "an import was ended before its end; what it took in stays"},
	{"import.stopped", "an import cannot go on at present, and why"},
	{"import.ended", "an import came to its end; its totals are signed"},
	{"import.removed", "the list of an ended import was removed; its recordings stay"},

	// archive/siprec
	{"siprec.set", "who may send recording sessions to a source, and how they are read, was set"},

	// archive/coverage
	{"expectation.missing", "calls that the logs name have no recording, and their time to come has passed"},
	{"expectation.forgotten", "the numbers and names of a call without a recording were removed before their time"},
	{"expectation.excused", "a call without a recording was excused by somebody, or by a new rule"},
	{"expectation.settled", "what a call without a log, or a log without a call, came to was decided"},
	{"excuse.added", "a rule was added that says which calls rightly have no recording"},
	{"excuse.changed", "a rule that excuses calls was changed, or switched on or off"},
	{"excuse.removed", "a rule that excuses calls was removed"},
	{"coverage.set", "how long a recording may take to come, or how long expectations are kept, was chosen"},
	{"statement.signed", "the coverage of a day was stated and signed"},

	// trust/monitor
	{"alert.raised", "something was found to be wrong, and those concerned are told"},
	{"alert.ended", "what an alert was about is right again"},
	{"alert.acknowledged", "somebody deals with an alert; nobody is told further"},
	{"alert.snoozed", "somebody put an alert aside until a time"},
	{"alert.assigned", "an alert was made somebody's"},
	{"alert-contact.added", "somebody is told of alerts from now on"},
	{"alert-contact.changed", "of which alerts somebody is told, and when, was changed"},
	{"alert-contact.removed", "somebody is told of alerts no more"},
	{"alert-contact.tested", "a test mail was sent to somebody who is told of alerts"},
	{"alert-settings.set", "whose alerts are by default, and the days on which nothing is expected, were chosen"},

	// trust/departure
	{"customer.handed-over", "everything of a customer was written into a bundle for another installation, with the keys wrapped to that one"},
	{"customer.parting", "two persons decided that a customer leaves, and the time to change their minds is over: collectors and watched folders are asked, then the keys go"},
	{"customer.leaving", "two persons decided that a customer leaves, and whatever could be asked has answered or was waited for: the keys go next"},
	{"customer.stays", "a customer does not leave after all: a hold, or a change of mind, came first"},
	{"customer.left", "a customer's keys, objects and place were destroyed; a certificate remains"},
	{"customer.removed", "a customer who left was taken out of the tree"},
	{"customer.received", "a customer came from another installation, with everything"},

	// trust/destruction
	{"certificate.signed", "what became of every copy of destroyed recordings was stated and signed, or stated anew as more is known"},

	// trust/parcel
	{"export.asked", "somebody asked for an export; what it is about is named"},
	{"export.ready", "an export was made; it can be taken until the time that is named"},
	{"export.failed", "an export could not be made, and why"},
	{"export.ended", "an export was destroyed: its time was over, somebody removed it, or what it was made from was destroyed"},

	// insight/speech
	{"transcript.asked", "somebody wanted a recording transcribed anew"},
	{"speech.set", "the engine that transcribes was chosen, with its purpose and region"},
}

// OfNodes are the kinds that are about organisations: what those above may read
// of them in the registry's journal.
func OfNodes() []string {
	var all []string
	for _, noun := range []string{"provider.", "reseller.", "customer.", "node.", "quota.", "branding.", "checklist.", "blueprint.", "role."} {
		all = append(all, under(noun)[1:]...)
	}
	return all
}

// Meaning is what a code means, or "" for one that is not known.
func Meaning(code string) string {
	for _, c := range Codes {
		if c.Code == code {
			return c.Meaning
		}
	}
	return ""
}

// under lists the codes that are meant: one by its name, or all under "noun."
func under(code string) []string {
	all := []string{code}
	if strings.HasSuffix(code, ".") {
		for _, c := range Codes {
			if strings.HasPrefix(c.Code, code) {
				all = append(all, c.Code)
			}
		}
	}
	return all
}
