// Writes the corpus that the detector is measured with: dialogues as engines of
// speech recognition hand them over. It knows nothing of the detector and was
// written before it; its two files are committed and do not change with it.
//
//	node internal/insight/pii/testdata/make.mjs
//
// tuning.txt may be looked at while the detector is worked on; held.txt may not:
// its dialogues come from other templates, other names and other noise.
//
// A dialogue is a line "# name", then one line for each turn: "A:" the agent,
// "C:" the customer, "U:" a mix in which nobody is told apart. What is personal
// stands as [ENTITY:instance words …]; a word that an engine or a speaker put in
// between, and that need not be found, has a "~" before it.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import { templates, negatives, names } from './templates.mjs'

let state
const rnd = () => { // mulberry32
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const int = n => Math.floor(rnd() * n)
const pick = a => a[int(a.length)]
const chance = p => rnd() < p
const digits = n => Array.from({ length: n }, () => int(10)).join('')

const ones = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
const teens = ['ten', 'eleven', 'twelve', 'thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen']
const tens = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']
const ordinals = ['', 'first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth', 'eleventh', 'twelfth', 'thirteenth',
  'fourteenth', 'fifteenth', 'sixteenth', 'seventeenth', 'eighteenth', 'nineteenth', 'twentieth', 'twenty first', 'twenty second', 'twenty third',
  'twenty fourth', 'twenty fifth', 'twenty sixth', 'twenty seventh', 'twenty eighth', 'twenty ninth', 'thirtieth', 'thirty first']
const months = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december']
const phonetic = { a: 'alpha', b: 'bravo', c: 'charlie', d: 'delta', e: 'echo', f: 'foxtrot', g: 'golf', h: 'hotel', i: 'india', j: 'juliet', k: 'kilo', l: 'lima',
  m: 'mike', n: 'november', o: 'oscar', p: 'papa', q: 'quebec', r: 'romeo', s: 'sierra', t: 'tango', u: 'uniform', v: 'victor', w: 'whiskey', x: 'x-ray', y: 'yankee', z: 'zulu' }
const homely = { a: 'apple', b: 'bertie', c: 'charlie', d: 'david', e: 'edward', f: 'freddie', g: 'george', h: 'harry', j: 'jack', k: 'kate', l: 'london', m: 'mother',
  n: 'nelly', o: 'orange', p: 'peter', r: 'robert', s: 'sugar', t: 'tommy', w: 'william' }

const two = n => n < 10 ? ones[n] : n < 20 ? teens[n - 10] : tens[Math.floor(n / 10)] + (n % 10 ? ' ' + ones[n % 10] : '')

// one digit at a time, with what people say for nought and for what repeats
function said(d, style) {
  const nought = style.nought
  const out = []
  for (let i = 0; i < d.length;) {
    let run = 1
    while (d[i + run] === d[i]) run++
    const w = d[i] === '0' ? nought : ones[d[i]]
    if (style.repeats && run >= 3 && chance(0.7)) { out.push(pick(['treble', 'triple']), w); i += 3; continue }
    if (style.repeats && run >= 2 && chance(0.75)) { out.push('double', w); i += 2; continue }
    out.push(w); i++
  }
  return out.join(' ')
}
// in pairs, as sort codes and cards are read by some
function paired(d) {
  return d.match(/../g).map(p => p[0] === '0' ? (p === '00' ? pick(['double oh', 'zero zero']) : 'oh ' + ones[p[1]]) : two(+p)).join(' ')
}
const newStyle = () => ({ nought: pick(['oh', 'zero', 'nought', 'oh']), repeats: chance(0.6), figures: chance(0.22), pairs: chance(0.12) })
function number(group, style) {
  if (style.figures) return group
  if (style.pairs && group.length % 2 === 0) return paired(group)
  return said(group, style)
}
const letters = (s, how) => [...s].map(c => how === 'plain' ? c : how === 'nato' ? phonetic[c] : how === 'for' && homely[c] ? `${c} for ${homely[c]}` : c).join(' ')

function luhn(prefix, length) {
  let d = prefix + digits(length - prefix.length - 1)
  let sum = 0
  for (let i = 0; i < d.length; i++) {
    let x = +d[d.length - 1 - i]
    if (i % 2 === 0) { x *= 2; if (x > 9) x -= 9 }
    sum += x
  }
  return d + (10 - sum % 10) % 10
}
const cut = (d, ...sizes) => { const out = []; let at = 0; for (const s of sizes) { out.push(d.slice(at, at + s)); at += s } return out }
const mod97 = s => [...s].reduce((r, c) => { const v = /\d/.test(c) ? c : String(c.charCodeAt(0) - 55); return [...v].reduce((q, x) => (q * 10 + +x) % 97, r) }, 0)

// What each entity gives: groups of words, at whose ends a speaker may stop.
const values = {
  CREDIT_CARD(st) {
    const kind = int(10)
    if (kind === 0) return cut(luhn(pick(['34', '37']), 15), 4, 6, 5).map(g => number(g, st))
    const d = luhn(kind < 6 ? '4' : pick(['51', '52', '53', '54', '55', '2345', '2520', '6011']), 16)
    return cut(d, 4, 4, 4, 4).map(g => number(g, st))
  },
  SECURITY_CODE(st) { return [number(digits(chance(0.1) ? 4 : 3), { ...st, pairs: false })] },
  PHONE_NUMBER(st) {
    const d = [
      () => cut('07700900' + digits(3), 5, 3, 3), () => cut('07' + digits(9), 5, 6), () => cut('07' + digits(9), 3, 2, 3, 3), () => cut('0207946' + digits(4), 3, 4, 4),
      () => cut('0161496' + digits(4), 4, 3, 4), () => cut('01632960' + digits(3), 5, 3, 3), () => cut('447700900' + digits(3), 2, 4, 3, 3)]
    const g = pick(d)()
    const out = g.map(x => number(x, { ...st, pairs: false }))
    if (g[0] === '44') out[0] = st.figures ? '+44' : 'plus ' + pick(['four four', 'double four', 'forty four'])
    return out
  },
  UK_SORT_CODE(st) {
    const d = pick(['20', '40', '60', '30', '09', '11', '04', '77']) + digits(4)
    if (st.figures) return [chance(0.5) ? cut(d, 2, 2, 2).join('-') : d]
    return [cut(d, 2, 2, 2).map(g => chance(0.45) ? paired(g) : said(g, st)).join(chance(0.1) ? ' dash ' : ' ')]
  },
  UK_BANK_ACCOUNT(st) { return chance(0.5) ? cut(digits(8), 4, 4).map(g => number(g, st)) : [number(digits(8), { ...st, pairs: false })] },
  UK_NHS(st) {
    for (;;) {
      const d = pick(['4', '6', '7', '9']) + digits(8)
      const c = 11 - [...d].reduce((a, x, i) => a + x * (10 - i), 0) % 11
      if (c === 10) continue
      return cut(d + (c === 11 ? 0 : c), 3, 3, 4).map(g => number(g, { ...st, pairs: false }))
    }
  },
  UK_NINO(st) {
    const a = pick(['ab', 'jn', 'pw', 'sr', 'ce', 'hm', 'ny', 'wk', 'lr', 'te']), z = pick(['a', 'b', 'c', 'd']), d = digits(6)
    if (st.figures) return chance(0.5) ? [`${a}${d}${z}`] : [a.toUpperCase(), ...cut(d, 2, 2, 2), z.toUpperCase()]
    const how = pick(['plain', 'nato', 'for'])
    return [letters(a, how), ...cut(d, 2, 2, 2).map(g => chance(0.4) ? paired(g) : said(g, st)), letters(z, how)]
  },
  UK_POSTCODE(st) {
    const p = pick([['m', '14', '5', 'bq'], ['sw', '1', '1', 'aa'], ['ls', '6', '2', 'hd'], ['b', '33', '8', 'th'], ['cr', '2', '6', 'xh'], ['dn', '55', '1', 'pt'],
      ['eh', '3', '9', 'lw'], ['bs', '7', '8', 'nr'], ['ng', '11', '4', 'jf'], ['cf', '24', '3', 'ty'], ['g', '41', '2', 'pn'], ['rg', '6', '1', 'wd']])
    if (st.figures) return [pick([`${p[0]}${p[1]} ${p[2]}${p[3]}`, `${p[0]}${p[1]}${p[2]}${p[3]}`]).toUpperCase()]
    const how = pick(['plain', 'plain', 'nato', 'for'])
    const n = p[1].length === 2 && chance(0.6) ? two(+p[1]) : said(p[1], st)
    return [`${letters(p[0], how)} ${n}`, `${ones[p[2]]} ${letters(p[3], how)}`]
  },
  IBAN_CODE(st) {
    const [cc, bban] = chance(0.7) ? ['GB', pick(['BARC', 'NWBK', 'LOYD', 'HBUK']) + digits(14)] : ['DE', digits(18)]
    const iban = cc + String(98 - mod97(bban + cc + '00')).padStart(2, '0') + bban
    const groups = iban.match(/.{1,4}/g)
    if (st.figures) return chance(0.5) ? [iban] : [groups.join(' ')]
    return groups.map(g => g.split(/(?<=[A-Z])(?=\d)|(?<=\d)(?=[A-Z])/).map(x => /\d/.test(x) ? said(x, st) : letters(x.toLowerCase(), pick(['plain', 'plain', 'nato']))).join(' '))
  },
  EMAIL_ADDRESS(st, held) {
    const f = pick(names(held).first).split(' ')[0], l = pick(names(held).last).split(' ')[0], n = chance(0.4) ? digits(2) : ''
    const host = pick(held ? ['yahoo co uk', 'hotmail com', 'aol com', 'greenleaf org', 'btinternet com', 'gmail com', 'riverside ac uk'] : ['gmail com', 'outlook com', 'icloud com', 'hotmail co uk', 'norfield co uk', 'live co uk', 'me com'])
    if (st.figures) return [`${f}${pick(['.', '_', ''])}${l}${n}@${host.replaceAll(' ', '.')}`]
    const local = pick([
      () => `${f} dot ${l}`, () => `${f} ${l}`, () => `${f[0]} dot ${l}`, () => letters(f, 'plain') + ' ' + letters(l, 'plain'), () => `${f} underscore ${l}`,
      () => `${letters(f[0], pick(['nato', 'for']))} ${letters(l, pick(['nato', 'plain', 'for']))}`, () => `${f} dash ${l}`])()
    return [local + (n ? ' ' + pick([said(n, st), paired(n)]) : ''), `at ${host.split(' ').join(' dot ')}`]
  },
  URL(st, held) {
    const d = pick(held ? ['greenleaf org', 'my parcel co uk', 'river bank com', 'town council gov uk'] : ['norfield co uk', 'bright water com', 'help desk org uk', 'acme com'])
    const host = d.replace(/ (co|com|org|gov|uk)/g, '.$1')
    const path = chance(0.5) ? pick(['account', 'pay', 'help', 'reset', 'claims']) : ''
    if (st.figures) return [`${chance(0.5) ? 'www.' : chance(0.5) ? 'https://' : ''}${host.replaceAll(' ', '')}${path ? '/' + path : ''}`]
    return [`${chance(0.6) ? pick(['www dot ', 'double you double you double you dot ', 'w w w dot ']) : ''}${host.replaceAll('.', ' dot ')}${path ? pick([' slash ', ' forward slash ']) + path : ''}`]
  },
  IP_ADDRESS(st) {
    const parts = [pick([10, 192, 172, 81, 203, 212]), int(256), int(256), int(254) + 1]
    if (st.figures) return [parts.join('.')]
    return [parts.map(p => p < 100 && chance(0.4) ? two(p) : said(String(p), { ...st, repeats: chance(0.3) })).join(pick([' dot ', ' dot ', ' point ']))]
  },
  DATE_TIME(st) {
    const d = int(28) + 1, m = int(12), y = 1935 + int(70)
    const year = chance(0.6) ? (y >= 2000 ? pick(['two thousand' + (y % 100 ? ' and ' + two(y % 100) : ''), y % 100 < 10 ? 'oh ' + ones[y % 10] : two(y % 100)]) : 'nineteen ' + (y % 100 < 10 ? 'oh ' + ones[y % 10] : two(y % 100)))
      : (y % 100 < 10 ? (y % 100 === 0 ? 'double oh' : 'oh ' + ones[y % 10]) : two(y % 100))
    if (st.figures) return [pick([`${String(d).padStart(2, '0')}/${String(m + 1).padStart(2, '0')}/${y}`, `${d} ${months[m]} ${y}`, `${d}${['th', 'st', 'nd', 'rd'][d % 10 < 4 && (d < 10 || d > 20) ? d % 10 : 0]} of ${months[m]} ${y}`, `${String(d).padStart(2, '0')} ${String(m + 1).padStart(2, '0')} ${String(y).slice(2)}`])]
    return [pick([
      () => `${chance(0.5) ? 'the ' : ''}${ordinals[d]} of ${months[m]} ${year}`, () => `${months[m]} ${chance(0.5) ? 'the ' : ''}${ordinals[d]} ${year}`,
      () => `${ordinals[d]} ${months[m]} ${year}`, () => `${d < 10 ? 'oh ' + ones[d] : two(d)} ${m < 9 ? 'oh ' + ones[m + 1] : two(m + 1)} ${y < 2000 ? pick(['', 'nineteen ']) : ''}${y % 100 < 10 ? 'oh ' + ones[y % 10] : two(y % 100)}`])()]
  },
  PERSON(st, held) {
    const n = names(held)
    const out = pick([() => `${pick(n.first)} ${pick(n.last)}`, () => `${pick(n.first)} ${pick(n.last)}`, () => pick(n.first) + ' ' + pick(n.last), () => pick(n.first)])()
    return [st.figures ? out.split(' ').map(w => w[0].toUpperCase() + w.slice(1)).join(' ') : out]
  },
  SURNAME(st, held) { return [pick(names(held).last)] },
  LOCATION(st, held) {
    const no = int(180) + 1
    const street = pick(held ? ['acacia avenue', 'mill lane', 'windsor road', 'the crescent', 'beech close', 'quarry hill', 'manor drive', 'chapel street', 'castle terrace', 'kings court']
      : ['church street', 'station road', 'park lane', 'victoria avenue', 'orchard way', 'elm grove', 'high street', 'queens gardens', 'north parade', 'the green', 'cedar drive'])
    const town = pick(held ? ['leeds', 'cardiff', 'stockport', 'derby', 'exeter', 'norwich', 'dundee', 'sunderland', 'reading', 'milton keynes']
      : ['bristol', 'manchester', 'sheffield', 'glasgow', 'oxford', 'bolton', 'leicester', 'plymouth', 'swansea', 'newcastle'])
    const n = st.figures ? String(no) : no > 99 ? pick([said(String(no), st), 'a hundred and ' + two(no - 100) || 'a hundred']) : two(no)
    const flat = chance(0.15) ? `flat ${st.figures ? int(20) + 1 : two(int(20) + 1)} ` : ''
    return chance(0.6) ? [`${flat}${n} ${street}`, `${town}`] : [`${flat}${n} ${street}`]
  },
}
const entityOf = { SURNAME: 'PERSON' }

// What recognisers make of words.
const alike = [
  { four: ['for', 'fore', 'four'], two: ['to', 'too'], eight: ['ate'], one: ['won'], three: ['tree', 'free'], six: ['sex', 'sicks'], nine: ['nein', 'line'], five: ['fife'], oh: ['o', 'owe'], zero: ['hero'], seven: ['heaven'], double: ['dabble'], treble: ['trouble'], dot: ['dots', 'dart'], ten: ['tan'] },
  { four: ['for', 'far'], two: ['to', 'too', 'do'], eight: ['ate', 'hate'], one: ['won', 'wan'], three: ['tree', 'the'], six: ['sex'], nine: ['mine', 'night'], five: ['hive', 'fine'], oh: ['o', 'a'], zero: ['sarah'], seven: ['eleven'], double: ['trouble'], treble: ['travel'], dot: ['dock'], twenty: ['plenty'] },
]
const stray = ['but', 'there', 'can', 'it', 'right', 'hand', 'her', 'on', 'then', 'see', 'ok', 'is', 'house']
const fillers = ['um', 'uh', 'er', 'erm', 'um', 'sorry', 'yeah', 'right', 'mm']

// noisy passes the words of a turn through a recogniser. in brackets, only what
// was heard of the value needs to be found.
function noisy(words, held, level) {
  const table = alike[held ? 1 : 0], out = []
  for (const w of words) {
    const x = w.t
    if (w.mark && chance(0.012 * level)) { out.push({ t: pick(fillers), mark: w.mark, loose: true }) }
    if (!w.mark && chance(0.02 * level)) out.push({ t: pick(fillers) })
    if (chance((w.mark ? 0.006 : 0.015) * level) && !w.key) continue // dropped
    if (table[x] && w.mark && chance(0.05 * level)) { out.push({ ...w, t: pick(table[x]) }); continue }
    if (w.mark && w.many && chance(0.004 * level)) { out.push({ ...w, t: pick(stray) }); continue }
    if (!w.mark && chance(0.015 * level)) { out.push({ t: pick(stray) }); continue }
    const prev = out.at(-1)
    if (w.mark && prev?.mark === w.mark && ones.includes(x) && ones.includes(prev.t) && chance(0.012 * level)) { prev.t += x; continue } // merged
    out.push(w)
  }
  return out
}

const nods = ['yep', 'okay', 'yeah', 'mm hmm', 'right', 'uh huh', 'go on', 'okay got that', 'thank you']

// tell makes one dialogue of a template. Returns lines.
function tell(name, template, held) {
  const st = newStyle(), turns = []
  let instance = 0
  const level = st.figures ? 0.3 : pick([0.5, 1, 1.5])
  const ground = chance(0.12) ? 'U' : null
  for (const line of template.split('|')) {
    const who = line.trim()[0], text = line.trim().slice(2).trim()
    let cur = { who, words: [] }
    turns.push(cur)
    for (const tok of text.split(/\s+/)) {
      const m = /^\{(\w+)(!?)\}$/.exec(tok)
      if (!m) { cur.words.push({ t: tok }); continue }
      const groups = values[m[1]](st, held), mark = `${entityOf[m[1]] ?? m[1]}:${++instance}`
      const many = groups.join(' ').split(' ').length >= 6
      const split = !m[2] && groups.length > 1 && chance(0.4), echo = chance(0.4)
      groups.forEach((g, i) => {
        const ws = g.split(/\s+/).map(t => ({ t, mark, many }))
        cur.words.push(...ws)
        if (split && i < groups.length - 1) {
          turns.push({ who: who === 'C' ? 'A' : 'C', words: echo && m[1] !== 'EMAIL_ADDRESS' ? ws.map(w => ({ ...w })) : pick(nods).split(' ').map(t => ({ t })) })
          cur = { who, words: [] }
          turns.push(cur)
        }
      })
    }
  }
  const lines = [`# ${name}`]
  for (const t of turns) {
    const ws = noisy(t.words, held, level)
    let s = '', open = ''
    for (const w of ws) {
      if (open && w.mark !== open) { s += ']'; open = '' }
      s += ' '
      if (w.mark && !open) { s += `[${w.mark} `; open = w.mark }
      s += (w.loose ? '~' : '') + w.t
    }
    if (ws.length) lines.push(`${ground ?? t.who}:${s}${open ? ']' : ''}`)
  }
  return lines.join('\n') + '\n'
}

function file(held, seed) {
  state = seed
  let out = ''
  for (const [entity, all] of Object.entries(templates)) {
    const mine = all.filter((_, i) => (i % 2 === 1) === held)
    for (let i = 0; i < 48; i++) out += tell(`${entity.toLowerCase()}-${i}`, mine[i % mine.length], held) + '\n'
  }
  negatives.filter((_, i) => (i % 2 === 1) === held).forEach((t, i) => { for (let k = 0; k < 3; k++) out += tell(`nothing-${i}-${k}`, t, held) + '\n' })
  return out
}

const here = dirname(fileURLToPath(import.meta.url))
writeFileSync(join(here, 'tuning.txt'), file(false, 20260301))
writeFileSync(join(here, 'held.txt'), file(true, 77001234))
