package pii

// Where clues to numbers and addresses are seen.
var (
	figWord, figShape, figShapes, figPair                   = signOf("word"), signOf("word-shape"), signOf("word-shapes"), signOf("word-pair")
	figTriple                                               = signOf("word-three")
	figBefore1, figBefore2, figBefore3                      = signOf("before"), signOf("before2"), signOf("before3")
	figBehind1, figBehind2, figBehind3                      = signOf("behind"), signOf("behind2"), signOf("behind3")
	figPairBefore, figPairBehind                            = signOf("before-pair"), signOf("behind-pair")
	figDots, figDotBefore, figDotBehind                     = signOf("turn-dots"), signOf("before-dot"), signOf("behind-dot")
	figRule, figWhy, figRuleB, figRuleN                     = signOf("rule"), signOf("rule-why"), signOf("rule-before"), signOf("rule-behind")
	figRuleRun, figRuleAsked, figRuleLong                   = signOf("rule-run"), signOf("rule-asked"), signOf("rule-long")
	figLong, figBegin, figGood, figPlace                    = signOf("run-long"), signOf("run-begin"), signOf("run-good"), signOf("run-place")
	figLead1, figLead2, figLead3, figLeads                  = signOf("run-lead"), signOf("run-lead2"), signOf("run-lead3"), signOf("run-leads")
	figNext1, figNext2, figLeadLong                         = signOf("run-next"), signOf("run-next2"), signOf("run-leadlong")
	figAsked1, figAsked2, figAsked3                         = signOf("asked"), signOf("asked2"), signOf("asked3")
	figAskedBoth, figAskedFar, figAskedLng                  = signOf("asked-both"), signOf("asked-far"), signOf("asked-long")
	figAskedBeg, figAskedWhere                              = signOf("asked-begin"), signOf("asked-where")
	figBag, figBagLast                                      = signOf("asked-word"), signOf("asked-last")
	figNextBag                                              = signOf("next-word")
	figHad, figLast, figLastFar, figLacks                   = signOf("call-had"), signOf("call-last"), signOf("call-far"), signOf("call-lacks")
	figAgain, figAgainLong, figLastAsked                    = signOf("call-again"), signOf("call-againlong"), signOf("call-asked")
	figWordBack                                             = signOf("call-word")
	figElse, figRunBefore, figRunBehind                     = signOf("call-else"), signOf("run-before"), signOf("run-behind")
	figAskedBehind, figTurnOther, figTurnDigits, figTurnWho = signOf("asked-behind"), signOf("turn-other"), signOf("turn-digits"), signOf("turn-who")
	figSlash, figBeforeAt                                   = signOf("turn-slash"), signOf("before-at")
	figOffset, figRest, figOpen                             = signOf("run-offset"), signOf("run-rest"), signOf("call-open")
	figTurnLong, figTurnAt                                  = signOf("turn-long"), signOf("turn-at")
)

var farSigns = signsOf("0 2 5 10 20 40 80")

func farSign(words int) sign {
	switch {
	case words < 2:
		return farSigns[0]
	case words < 5:
		return farSigns[1]
	case words < 10:
		return farSigns[2]
	case words < 20:
		return farSigns[3]
	case words < 40:
		return farSigns[4]
	case words < 80:
		return farSigns[5]
	}
	return farSigns[6]
}
