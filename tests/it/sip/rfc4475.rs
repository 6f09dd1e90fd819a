//! Messages that are hard or impossible to read, as data for `torture`.
//!
//! Written for these tests after the cases that RFC 4475 describes (the section is named with each); none is its text. Covered: all
//! of §3.1.1, §3.1.2, §3.2, §3.3 and §3.4; some messages hold two or four of its cases. Those without a section are not of the RFC.

/// What the sender may hear of its message.
#[derive(Clone, Copy)]
pub enum Reply {
    /// This status.
    Is(u16),
    /// A refusal, or nothing at all.
    NoneOrRefusal,
}
use Reply::{Is, NoneOrRefusal};

/// Lines end in `\n` here and in CR LF on the wire. `{us}` is the address of the stack, `{far}` ours, `{id}` the Call-ID.
pub const MESSAGES: &[(&str, Reply, &[u8])] = &[
    (
        "3.1.1.1 folded, compact and oddly cased headers",
        Is(403),
        b"INVITE sip:front-desk@{us};lr;x=%41 SIP/2.0\nvIA  :  SIP/2.0/UDP\n   {far} ;branch=\n z9hG4bK{id}\n\
          t  : \"front \\\"desk\\\"\"\n <sip:front-desk@{us}>\nf: \"a long \n  name\" <sip:yard@{far}>;tag=fold\n\
          i:\n {id}\nMAX-forwards:\n  0070\ncseq: 0007\n   INVITE\nm: <sip:yard@{far}>\nX-Unheard-Of: ;;,,;;\nl: 0\n\n",
    ),
    (
        // Allowed by the grammar, and not read by the stack: dropped.
        "3.1.1.1 a tag on the next line",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag\n  =  t\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.1 blanks inside the protocol of Via",
        Is(403),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP / 2.0 / UDP {far} ; branch = z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=p\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.2 every character that a token may have",
        Is(501),
        b"!Visit-1.*%+`'~ sip:~_.!*'()&=+$,;?/%20%23@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}-.!%*_+`'~\n\
          Max-Forwards: 70\nFrom: Odd.Token!'%*_+`~ <sip:a_b!c@{far}>;tag=.-!%*_+`'~\nTo: <sip:us@{us}>\nCall-ID: {id}\n\
          CSeq: 3 !Visit-1.*%+`'~\n!X-.*%+`'~: odd\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.3 and 3.1.1.4 escaped characters in a user part, even a NUL",
        Is(403),
        b"INVITE sip:sip%3Ayard%40field%00gate@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:%E7%8E%8B%00%25@{far};user%3Dx=1>;tag=esc\nTo: <sip:sip%3Ayard%40field@{us}>\nCall-ID: {id}\n\
          CSeq: 1 INVITE\nContact: <sip:%63%61r@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.7 headers as long as no sane sender makes them",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}{long}\nMax-Forwards: 70\n\
          From: \"{long}\" <sip:{long}@{far}>;tag={long}\nTo: <sip:us@{us};p={long}>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Subject: {long}{long}\nContact: <sip:us@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.10 protocols of Via that nobody has",
        Is(200),
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nVia: SIP/2.0/SCTP a.invalid;branch=z9hG4bKs\n\
          Via: SIP/2.0/TLS b.invalid;branch=z9hG4bKt\nVia: SIP/2.0/CARRIER-PIGEON c.invalid;branch=z9hG4bKu\n\
          Max-Forwards: 70\nFrom: <sip:s@{far}>;tag=v\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.1 separators where nothing should be",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};;,;,,\nMax-Forwards: 70\nFrom: <sip:s@{far}>;;tag=sep;\n\
          To: \"us\" <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>, ;;q=,\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.2 a body shorter than it says",
        Is(400),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=c\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Type: application/sdp\n\
          Content-Length: 9000\n\nv=0\no=s 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 8\n",
    ),
    (
        "3.1.2.3 a negative Content-Length",
        Is(400),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=n\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Type: application/sdp\n\
          Content-Length: -70\n\nv=0\no=s 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 8\n",
    ),
    (
        "3.1.2.4 numbers that no integer holds",
        NoneOrRefusal,
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 4294967366\n\
          From: <sip:s@{far}>;tag=o\nTo: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 99999999999999999999 REGISTER\n\
          Contact: <sip:s@{far}>;expires=1000000000000000000000\nExpires: 1000000000000000000000\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.6 quotes that never close",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=q\nTo: \"the front desk <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Contact: <sip:s@{far}\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.7 to 3.1.2.10 brackets and blanks in the request line",
        NoneOrRefusal,
        b"INVITE  <sip:us@{us} ; lr>  SIP/2.0 \nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=b\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.16 a version that does not exist",
        Is(505),
        b"OPTIONS sip:us@{us} SIP/7.0\nVia: SIP/7.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=w\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.17 a CSeq of another method",
        Is(400),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=m\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 8 OPTIONS\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.19 a status that is none",
        NoneOrRefusal,
        b"SIP/2.0 4294967301 better not break the receiver\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=z\n\
          To: <sip:s@{far}>;tag=y\nCall-ID: {id}\nCSeq: 353 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.1 a request without most of what it needs",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nCSeq: 193 INVITE\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nContent-Length: 0\n\n",
    ),
    (
        "3.3.2 a scheme that nobody knows",
        NoneOrRefusal,
        b"INVITE excavator:bucket?arm SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <http://shop.invalid/>;tag=k\nTo: <isbn:9787111>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Contact: <mailto:s@shop.invalid>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.8 headers that may stand once stand twice",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nMax-Forwards: 5\n\
          From: <sip:s@{far}>;tag=1\nFrom: <sip:other@{far}>;tag=2\nTo: <sip:us@{us}>\nTo: <sip:them@{us}>;tag=3\nCall-ID: {id}\n\
          Call-ID: second-{id}\nCSeq: 5 INVITE\nCSeq: 59 OPTIONS\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.9 two lengths that contradict each other",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=l\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 13\nContent-Length: 5\n\nhow long am I",
    ),
    (
        "3.3.10 an answer that calls a crowd back",
        NoneOrRefusal,
        b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=d\n\
          To: <sip:s@{far}>;tag=e\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@255.255.255.255>\nContent-Length: 0\n\n",
    ),
    (
        "NUL bytes in and between the headers",
        NoneOrRefusal,
        b"INVITE sip:us\0@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\n\0\0: \0\nMax-Forwards: 70\n\
          From: \"\0\" <sip:s@{far}>;tag=\0\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContent-Length: 0\n\n\0\0\0\0",
    ),
    ("bytes of no protocol", NoneOrRefusal, b"\xff\xfe\x00\x01\x80\x7f\r\r\x00\xc3\x28\xf0\x9f{id}\n\n\xed\xa0\x80 SIP/2.0\n\n"),
    ("a header block of colons", NoneOrRefusal, b"INVITE sip:us@{us} SIP/2.0\n:\n::\n:::\n: :\n\t:\n\n"),
    (
        "3.1.1.5 percent signs that escape nothing",
        NoneOrRefusal,
        b"RE%47IST%45R sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: \"100%\" <sip:s@{far}>;tag=p\n\
          To: \"%Z%45\" <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 RE%47IST%45R\nContact: <sip:alias%1@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.6 a display name that touches its bracket",
        Is(200),
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: yard<sip:s@{far}>;tag=n\n\
          To: desk<sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.8 bytes behind the end that Content-Length sets",
        Is(200),
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=x\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\nINVITE sip:more@{us} SIP/2.0\nVia: SIP/2.0/UDP {far}\n\n",
    ),
    (
        "3.1.1.9 parameters inside a user part",
        Is(200),
        b"OPTIONS sip:us;lane=5;wide@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=u\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.1.11 a body of several parts, one of bytes",
        Is(403),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=m\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nMIME-Version: 1.0\n\
          Content-Type: multipart/mixed;boundary=cut\nContent-Length: 85\n\n--cut\nContent-Type: text/plain\n\nhello\n--cut\n\
          Content-Type: x/y\n\n\x00\xff\xfe\x80\n--cut--\n",
    ),
    (
        "3.1.1.12 a reason phrase of every alphabet, to nobody's question",
        NoneOrRefusal,
        "SIP/2.0 200 = 2 ** 3 * 25 有应答 да\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=r\n\
         To: <sip:s@{far}>;tag=q\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n"
            .as_bytes(),
    ),
    (
        "3.1.1.13 no reason phrase at all",
        NoneOrRefusal,
        b"SIP/2.0 100 \nVia: SIP/2.0/UDP {us};branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=e\nTo: <sip:s@{far}>\nCall-ID: {id}\n\
          CSeq: 1 INVITE\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.5 a response whose numbers no integer holds",
        NoneOrRefusal,
        b"SIP/2.0 503 Busy\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{id}\nFrom: <sip:us@{us}>;tag=o\nTo: <sip:s@{far}>;tag=l\n\
          Call-ID: {id}\nCSeq: 9292394834772304023312 OPTIONS\nRetry-After: 949302838503028349304023988\n\
          Warning: 1812000000 over \"flow\"\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.11 headers escaped into a request uri",
        NoneOrRefusal,
        b"INVITE sip:us@{us}?Route=%3Csip:elsewhere.invalid%3E SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=h\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.12 a date in a zone that is not GMT",
        Is(403),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nDate: Fri, 01 Jan 2010 16:00:00 CST\n\
          From: <sip:s@{far}>;tag=z\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.13 a Contact with headers and no brackets",
        NoneOrRefusal,
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=c\n\
          To: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 1 REGISTER\nContact: sip:s@{far}?Route=%3Csip:sip.invalid%3E\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.14 blanks inside an address",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=b\n\
          To: \"us\" < sip:us@{us} >\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.15 a display name that would need quotes",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: Yard, 1 (north) <sip:s@{far}>;tag=d\nTo: Desk; [2] <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.1.2.18 an unknown method and a CSeq of another",
        NoneOrRefusal,
        b"DANCE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=d\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 8 INVITE\nContent-Length: 0\n\n",
    ),
    (
        "3.2.1 a branch that is only the cookie",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=t\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.3.3 a scheme that is known and odd here",
        NoneOrRefusal,
        b"OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\n\
          From: <sip:s@{far}>;tag=s\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.3.4 schemes in headers that nobody knows",
        NoneOrRefusal,
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <crane:9,8>;tag=k\n\
          To: <isbn:2983792873>\nCall-ID: {id}\nCSeq: 1 REGISTER\nContact: <name:yard@{far}>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.5 extensions that are required and unknown",
        NoneOrRefusal,
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=r\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nRequire: nothing-here, nor-this\nProxy-Require: other\nContent-Length: 0\n\n",
    ),
    (
        "3.3.6 a body of an unknown type",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=y\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nContent-Type: application/unheard-of\n\
          Content-Length: 9\n\n<gravel/>",
    ),
    (
        "3.3.7 an unknown kind of authorization",
        Is(405),
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=a\n\
          To: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 1 REGISTER\nAuthorization: Handshake firm=yes, \"left\", =\nContent-Length: 0\n\n",
    ),
    (
        "3.3.11 no hop left",
        Is(200),
        b"OPTIONS sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 0\nFrom: <sip:s@{far}>;tag=f\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    ),
    (
        "3.3.12 and 3.3.13 a REGISTER whose Contact has parameters, of its own and of its address",
        Is(405),
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=g\n\
          To: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 1 REGISTER\nContact: sip:s@{far};unknown\nContact: <sip:s@{far};unknown>\n\
          Content-Length: 0\n\n",
    ),
    (
        "3.3.14 a REGISTER whose Contact carries an escaped Route",
        Is(405),
        b"REGISTER sip:{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=h\n\
          To: <sip:s@{us}>\nCall-ID: {id}\nCSeq: 1 REGISTER\nContact: <sip:s@{far}?Route=%3Csip:sip.invalid%3E>\nContent-Length: 0\n\n",
    ),
    (
        "3.3.15 an Accept that takes nothing we have",
        Is(403),
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far};branch=z9hG4bK{id}\nMax-Forwards: 70\nFrom: <sip:s@{far}>;tag=j\n\
          To: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: <sip:s@{far}>\nAccept: text/nobody\nContent-Length: 0\n\n",
    ),
    (
        "3.4.1 an INVITE as RFC 2543 had it: no branch, no tag, no Max-Forwards",
        NoneOrRefusal,
        b"INVITE sip:us@{us} SIP/2.0\nVia: SIP/2.0/UDP {far}\nFrom: <sip:s@{far}>\nTo: <sip:us@{us}>\nCall-ID: {id}\nCSeq: 1 INVITE\n\
          Contact: <sip:s@{far}>\nContent-Length: 0\n\n",
    ),
];
