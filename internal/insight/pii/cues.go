package pii

// hidden is what a phrase is that has a cue in it and is none.
const hidden Entity = "hidden"

// ofBanks is what is said where a branch or an account follows.
const ofBanks = "account details|bacs|bank|bank account details|bank details|bank of scotland|bank transfer|barclays|building society|business account|cheque book|" +
	"chequebook|clydesdale|co op bank|danske|direct debit|do we pay|faster payment|first direct|go into|goes into|halifax|hsbc|lloyds|metro bank|money go|" +
	"money going|money into|money to|monzo|nationwide|natwest|online banking|paid into|paid out|pay back|pay into|pay it into|pay you|payee|paying in|" +
	"paying into|paying you|payout|payroll|prize money|put the money|refund|revolut|royal bank|santander|savings|send the money|standing order|starling|" +
	"tsb|ulster bank|wages|which bank"

// cues, in phrases as they are heard, without hesitations and without 's.
var cues = []cueList{
	{entity: CreditCard, phrases: "16 digit|16 digits|across the card|across the front|across the middle|all cards|american express|amex|bank card|big number|" +
		"card details|card no|card number|card payment|credit card|debit card|details of the card|embossed|front of the card|front of your card|long card number|" +
		"long number|long one|maestro|master card|mastercard|name on the card|new card|number across|number from the card|number off the card|number on the card|" +
		"number on the front|number on your card|numbers across|numbers off the card|numbers on the front|pay by card|payment details|raised numbers|sixteen digit|" +
		"sixteen digits|sixteen figures|sixteen numbers|visa|which card"},
	{entity: CreditCard, part: true, phrases: "card ending|card ending in|card ends|card finishes|card number ending|card number ends|card number finishes|" +
		"card that ends|card which ends|final four|first 4|first four|first four digits|first group|first two groups|last 4|last four|last four digits|" +
		"last four numbers|last group|last two groups|middle four|next group"},
	{entity: CreditCard, weak: true, phrases: "a card|business card|card|company card|different card|her card|his card|joint card|my card|old card|other card|" +
		"our card|take a payment|the card|their card|this card|your card"},
	{entity: SecurityCode, phrases: "3 digit|3 digits|back of it|back of the card|back of your card|back three|c c v|c s c|c v 2|c v c|c v two|c v v|c v v two|" +
		"card code|card security|card verification|ccv|code off the card|code on the back|csc|csv|cv number|cv two|cv2|cvc|cvc2|cvv|cvv2|digits on the back|" +
		"digits on the reverse|final 3|final three|flip it|flip it over|flip the card over|four digit code|four digits on the front|from the back|last 3|last three|" +
		"little code|little number|little three|number off the back|number on the back|numbers on the back|off the back|on the back|on the reverse|" +
		"other side of the card|reverse of|safety code|secret code|secret number|secure code|security code|security digits|security number|security numbers|" +
		"short number|signature|signature code|signature strip|signing strip|small number|the back|the reverse|the strip|three at the back|three digit|" +
		"three digit number|three digits|three figures|three little|three numbers|three off|three on the back|three small|three wee|tiny number|turn it over|" +
		"turn the card over|verification code|verification digits|verification number|wee code|wee number|white strip"},
	{entity: SecurityCode, weak: true, phrases: "code|four digits|four on the front|other side|security|the three"},
	{entity: SortCode, phrases: "6 digit|6 digits|bank code|branch code|salt code|short code|six digit|six digits|six figures|sort|sort coat|sort code|" +
		"sort codes|sortcode|sought code|the six"},
	{entity: SortCode, weak: true, phrases: ofBanks},
	{entity: SortCode, weak: true, phrases: "account|bank account|code|pay it in"},
	{entity: BankAccount, phrases: "8 digit|8 digits|acc number|account|account no|account number|account numbers|accounts|bank account|eight digit|" +
		"eight digits|eight figures|the eight"},
	{entity: BankAccount, weak: true, phrases: ofBanks},
	{entity: BankAccount, weak: true, phrases: "number is|number we hold|sort code"},
	{entity: NHS, phrases: "10 digit|10 digits|an h s|baby number|h s number|health number|health service|health service number|hospital number|hospital say|" +
		"medical card|medical number|n h s|n h s number|national health number|nhs|nhs no|nhs number|patient id|patient no|patient number|red book|ten digit|ten digits"},
	{entity: Phone, phrases: "best number|call back|call her|call him|call me|call us|call you|callback|calling from|cell|contact number|contact you on|daytime|" +
		"direct line|driver call|get hold of you on|get me on|get you on|her number|his number|home number|landline|looks after this|mobile|mobile number|my number|" +
		"number for|number for her|number for him|number for you|number to reach|number's|numbers for|office number|old number|phone|phone number|phone numbers|" +
		"rang from|rang on|reach me on|reach you on|ring|ring back|ring her|ring him|ring me|ring us|ring you|telephone|telephone number|text her|text him|text me|" +
		"text updates|text you|the number you|their number|voicemail|whatsapp|work number|works number|your number"},
	{entity: Date, phrases: "birth|birth date|birthdate|birthday|born|d o b|date of birth|date on the card|day were you|dob|end date|exp|exp date|expiration|" +
		"expiration date|expire|expires|expiry|expiry date|good through|good thru|new date|run out|runs out|runs until|start date|the date|valid from|valid through|" +
		"valid thru|valid till|valid to|valid until|what date|year and day"},
	{entity: NINO, phrases: "insurance number|n i|n i no|n i number|national insurance|national insurance no|national insurance number|ni|ni number|nino"},
	{entity: IBAN, phrases: "account abroad|belgian account|dutch account|euro account|eye ban|foreign account|french account|german account|i b a n|i ban|iban|" +
		"iban number|ibans|international account|international bank|international number|irish account|italian account|overseas account|polish account|spanish account|" +
		"starting g b|starts g b|starts gb"},
	{entity: Postcode, phrases: "poscode|post code|post codes|postal code|postcode|postcodes|zip code"},
	{entity: nothing, version: true, phrases: "android|build|firmware|ios|release|upgraded|upgraded to|version"},
	{entity: nothing, phrases: "access code|account reference|account reference number|agreement|agreement number|alarm code|amount|area code|asset number|" +
		"asset tag|badge number|balance|bar code|barcode|batch|batch number|booking|candidate number|case number|catalogue number|charged|charity number|" +
		"chassis number|claim number|colour code|company number|confirmation code|confirmation number|consignment|consignment number|crime number|crime reference|" +
		"customer number|delivery number|dialling code|digital code|discount code|division|division number|docket number|door code|driver|driving licence|" +
		"employee number|engine number|engineer code|entry code|error code|extension|fault code|fault number|fault reference|flight|flight number|frame number|" +
		"gate code|how much|incident number|invoice number|item number|job number|job reference|key code|key safe|keypad|library|library card number|licence number|" +
		"license number|log number|lot number|lottery|lotto|loyalty card|loyalty card number|member number|membership|membership number|meter|model number|" +
		"number plate|order|order number|paint code|parcel number|part number|passcode|passport|passport number|password|payment reference|payroll number|" +
		"permit number|pin|pin code|plot number|policy number|port|postage|prescription number|price|product code|promo code|property number|pupil number|quote number|" +
		"reading|readings|receipt number|ref|reference|reference number|reg|registration|rental agreement|roll number|room number|serial number|staff number|" +
		"stamp number|status code|stock code|stock number|student number|table number|tax code|the total|ticket|ticket number|ticket reference|timed out code|tracking|" +
		"tracking number|transaction number|transaction reference|tyre size|unique reference|unit number|vat number|vehicle reg|voucher code|wants a six digit code"},
	{entity: IPAddress, phrases: "allow list|allowlist|d n s|dhcp|dns|firewall|gateway|i p|i p address|i p config|i p v four|ip|ip address|ip config|ip number|" +
		"ip on|ip v four|ipconfig|ipv4|logged in|logged on from|name server|network address|new ip|ping|router|server|sign in from|signed in from|static|subnet|" +
		"whats my ip|white list|whitelist|whitelisted"},
	{entity: hidden, phrases: "at the back|at the back of|back of the house|bank holiday|bank holidays|birthday card|born in|bottle bank|bus card|" +
		"business cards|code of|direct debit is|dress code|food bank|highway code|in order|in the back|in the back of|just three digits|number one|of order|" +
		"on account of|only eight digits|only six digits|only ten digits|only three digits|order to|out of order|out of the back|out the back|phone shop|piano|" +
		"power bank|ring pull|ring road|round the back|round the back of|security camera|security deposit|security guard|security light|security question|sort it|" +
		"sort of|sort out|sort that|sort this|sort you|sorted|sorts of|that 3 digits|that eight digits|that six digits|that ten digits|that three digits|to the back|" +
		"west bank|what age|what sort"},
}
