package pii

// hidden is what a phrase is that has a cue in it and is none.
const hidden Entity = "hidden"

// cues, in phrases as they are heard, without hesitations and without 's.
var cues = []cueList{
	{entity: CreditCard, phrases: "card number|card no|long number|long card number|big number|sixteen digit|16 digit|sixteen digits|16 digits|sixteen numbers|sixteen figures|visa|mastercard|master card|maestro|amex|" +
		"american express|debit card|credit card|bank card|number on the card|number on the front|numbers on the front|number across|numbers across|across the front|across the middle|across the card|" +
		"front of your card|front of the card|embossed|raised numbers|card details|details of the card|which card|new card|all cards|pay by card|card payment|payment details|number off the card|number from the card|" +
		"numbers off the card|name on the card|number on your card|long one"},
	{entity: CreditCard, part: true, phrases: "last four|first four|last 4|first 4|last four digits|first four digits|last four numbers|final four|middle four|card ending|card ending in|card that ends|" +
		"card which ends|card ends|card finishes|card number finishes|card number ends|card number ending|last two groups|first two groups|last group|first group|next group"},
	{entity: CreditCard, weak: true, phrases: "my card|the card|your card|her card|his card|their card|our card|this card|a card|old card|other card|different card|joint card|company card|business card|take a payment|card"},
	{entity: SecurityCode, phrases: "security code|security number|security digits|security numbers|three digits|last three|last 3|three numbers|three digit|3 digits|3 digit|three figures|c v v|cvv|c v c|cvc|" +
		"c v v two|cvv2|cvc2|c v two|cv two|cv2|c v 2|c s c|csc|signature|signature strip|verification code|verification number|verification digits|code on the back|number on the back|numbers on the back|" +
		"digits on the back|three on the back|on the back|from the back|the back|off the back|reverse of|the reverse|back of it|back of the card|back of your card|the strip|white strip|card verification|" +
		"digits on the reverse|four digit code|four digits on the front|little number|little code|little three|wee number|wee code|card code|signature code|card security|safety code|secure code"},
	{entity: SecurityCode, weak: true, phrases: "code|other side|security|four digits|four on the front|the three"},
	{entity: SortCode, phrases: "sort code|sort codes|sort|sortcode|six digit|six digits|6 digit|6 digits|branch code|the six|six figures|bank code|sought code|sort coat|salt code|short code"},
	{entity: SortCode, weak: true, phrases: "code|bank details|bank account details|account details|bank account|bank|building society|chequebook|cheque book|direct debit|pay it into|paid into|pay into|goes into|go into|" +
		"account|bacs|refund|standing order|payee|paying in|pay it in"},
	{entity: BankAccount, phrases: "account number|account numbers|bank account|eight digit|eight digits|8 digit|8 digits|account|acc number|the eight|account no|eight figures|accounts"},
	{entity: BankAccount, weak: true, phrases: "number is|number we hold|bank details|bank account details|account details|bank|building society|chequebook|cheque book|direct debit|pay it into|paid into|pay into|goes into|" +
		"go into|bacs|refund|sort code|standing order|payee|paying in"},
	{entity: NHS, phrases: "nhs number|n h s number|nhs|n h s|h s number|health service number|patient number|hospital number|health number|ten digit|ten digits|10 digit|10 digits|national health number|nhs no|" +
		"medical number|medical card|health service|an h s|red book|hospital say|patient no|patient id|baby number"},
	{entity: Phone, phrases: "phone number|telephone|mobile|contact number|landline|number to reach|daytime|reach you on|reach me on|get you on|get me on|get hold of you on|ring me|call me|ring|phone|calling from|" +
		"call you|callback|call back|driver call|text updates|number's|old number|looks after this|best number|telephone number|mobile number|phone numbers|text me|text you|text him|text her|ring you|ring him|" +
		"ring her|whatsapp|rang on|rang from|call him|call her|call us|ring us|ring back|contact you on|number for him|number for her|number for you|home number|work number|works number|" +
		"office number|cell|voicemail|direct line|number for|her number|his number|my number|their number|your number|numbers for|the number you"},
	{entity: Date, phrases: "date of birth|d o b|dob|born|birthday|birth|expiry|expires|expiry date|expiration|valid from|start date|day were you|year and day|valid until|valid to|valid till|valid thru|" +
		"runs out|birth date|birthdate|date on the card|expire|new date|what date|the date|end date|exp|exp date|good thru|good through|valid through|run out|runs until|expiration date"},
	{entity: NINO, phrases: "national insurance|national insurance number|n i number|ni number|insurance number|n i|ni|n i no|nino|national insurance no"},
	{entity: IBAN, phrases: "iban|i ban|ibans|eye ban|international account|german account|french account|belgian account|irish account|spanish account|dutch account|polish account|italian account|foreign account|account abroad|overseas account|euro account|starts g b|starting g b|starts gb|international bank|i b a n|iban number|international number"},
	{entity: Postcode, phrases: "postcode|post code|postal code|zip code|postcodes|post codes|poscode"},
	{entity: nothing, phrases: "order number|order|reference|reference number|serial number|policy number|claim number|booking|tracking number|ticket number|ticket|case number|invoice number|meter|part number|error code|" +
		"reading|readings|area code|door code|model number|job number|customer number|quote number|extension|fault code|fault number|fault reference|status code|job reference|crime number|crime reference|" +
		"roll number|account reference|product code|item number|catalogue number|discount code|promo code|voucher code|access code|key safe|key code|gate code|alarm code|entry code|keypad|version|" +
		"flight|flight number|room number|table number|ref|plot number|registration|reg|chassis number|frame number|engine number|batch number|lot number|batch|" +
		"docket number|parcel number|delivery number|consignment|consignment number|membership number|library card number|loyalty card number|loyalty card|licence number|license number|" +
		"driving licence|passport number|passport|permit number|pin|pin code|passcode|password|tax code|vat number|company number|charity number|property number|asset number|asset tag|" +
		"barcode|bar code|stock number|stock code|division number|division|prescription number|receipt number|agreement number|agreement|rental agreement|" +
		"transaction number|transaction reference|confirmation number|confirmation code|student number|staff number|employee number|payroll number|badge number|unit number|engineer code|colour code|" +
		"paint code|tyre size|payment reference|incident number|log number|ticket reference|timed out code|build|lottery|lotto|dialling code|stamp number|postage|membership|member number|account reference number|" +
		"firmware|driver|release|upgraded to|upgraded|ios|android|port|library|amount|the total|how much|balance|price|charged|tracking|digital code|wants a six digit code|unique reference|pupil number|candidate number|vehicle reg|number plate"},
	{entity: IPAddress, phrases: "ip address|i p address|i p|ip|server|router|signed in from|logged in|sign in from|gateway|subnet|dns|d n s|i p v four|ipv4|ip v four|dhcp|ping|firewall|whitelist|network address|" +
		"whats my ip|ip on|ip number|name server|new ip|static|allowlist|allow list|ipconfig|ip config|i p config|logged on from"},
	{entity: hidden, phrases: "sort of|sorts of|what sort|sort it|sort that|sort out|sort you|sort this|sorted|bank holiday|bank holidays|birthday card|business cards|ring road|ring pull|phone shop|dress code|code of|highway code|" +
		"on account of|back of the house|in the back|round the back|at the back|out the back|out of the back|round the back of|at the back of|to the back|in the back of|bus card|piano|in order|order to|of order|out of order|security guard|security light|security camera|security deposit|security question|bottle bank|food bank|" +
		"born in|direct debit is|number one|what age|power bank|west bank"},
}
