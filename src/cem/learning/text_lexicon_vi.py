"""Vietnamese words of praise and complaint, abbreviations of fast typing, and emoji. Written for this project; data only.

Syllables are separate tokens, so most words of the language are phrases of two. Every entry also stands for itself
without diacritics, unless that is in `AMBIGUOUS_BARE`, where two words of different mood fall together.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AMBIGUOUS_BARE", "EMOJI", "NEGATORS", "POLARITY", "SHORTHAND", "STRENGTHENERS", "TELLING"]

_STRONG_PRAISE: Final = """
tuyệt; tuyệt vời; tuyệt hảo; tuyệt đỉnh; xuất sắc; hoàn hảo; đỉnh; yêu; quá tốt; rất tốt; quá đẹp; rất đẹp; rất hài; siêu tốt;
đẳng cấp; mê; mười điểm; xuất chúng; tâm huyết; đáng yêu
"""
_PRAISE: Final = """
tốt; đẹp; hài lòng; thích; yêu thích; nhanh; nhanh chóng; nhanh nhẹn; nhiệt tình; ổn; ổn định; chất lượng; ưng; ưng ý; ưng bụng; hay;
dễ thương; thân thiện; hữu ích; bổ ích; cảm ơn; cám ơn; rẻ; bền; mượt; mượt mà; ngon; vui; vui vẻ; vui tính; tận tình; chu đáo; dễ hiểu; phù
hợp; đáng tiền; đáng mua; tiện lợi; tiện; thuận tiện; chắc chắn; cẩn thận; chuyên nghiệp; lịch sự; sạch; sạch sẽ; thoải mái; ủng hộ; xịn; chuẩn;
tận tâm; gần gũi; thú vị; đầy đủ; hợp lý; hợp lí; hấp dẫn; ấm áp; mềm; mịn; thơm; xinh; gọn; gọn gàng; sinh động; hiệu quả; khen; giỏi; nhạy;
sắc nét; sang trọng; sang; trẻ trung; tin tưởng; tin cậy; uy tín; yên tâm; an tâm; chân thành; dễ dàng; linh hoạt; linh động; sáng tạo;
phong phú; đa dạng; rõ ràng; khoẻ; khỏe; êm; đúng hẹn; đúng giờ; kịp thời; hỗ trợ tốt; giải quyết nhanh; quan tâm; hoà đồng; hòa đồng;
hiện đại; cuốn hút; nên mua; giới thiệu; vừa ý; như ý; hết sảy; tươi; miễn phí; bắt mắt; xứng đáng; ngọt; tuyệt cú; rộng rãi; dễ chịu;
công bằng; tích cực; vững; nâng cao; tốc độ cao; trúng thưởng; hào phóng; thành công; may mắn; like
"""
_WEAK_PRAISE: Final = """
ok; được; khá; tạm ổn; cũng được; giúp; ưu đãi; khuyến mãi; đúng; kỹ; kĩ; lắm; sẽ mua; mua tiếp; nhé; mong; đủ; chăm; nhẹ; mới
"""
_WEAK_COMPLAINT: Final = """
nhưng; mà; hơi; tạm; bình thường; cần; nên; lại; vẫn; mãi; sao; cái gì; tại sao; đợi; chờ; trả; đổi; gọi; tiền; trừ; cước; hoài; suốt; ít; thay; hết; bị;
cải thiện; khắc phục; xem lại; phải
"""
_COMPLAINT: Final = """
xấu; chán; kém; lỗi; hỏng; hư; chậm; lâu; bực; bực mình; đắt; mắc; dở; khó chịu; giả; hàng giả; rách; bẩn; lag; giật; giật lag; ồn; ồn ào;
buồn; buồn ngủ; phí; phiền; phiền phức; yếu; mất; thiếu; sai; nhàm; nhàm chán; khó; cũ; đừng; không nên; huỷ; hủy; cẩu thả; ghét; thái độ; rè; đơ;
treo; tốn; trừ tiền; mất tiền; khó hiểu; phí tiền; nóng; nặng; ngắn; mỏng; lỏng; chật; bong; bung; gãy; vỡ; móp; trầy; xước; bay màu; phai; nhăn;
hôi; hắc; mất sóng; mất mạng; mất kết; rớt mạng; rớt; nghẽn; chập chờn; yếu sóng; đứt; gián đoạn; sự cố; trục trặc; không được; chưa được; không tốt;
không hài; không thích; không thể; không đúng; không giống; không có; không ai; không giải; không hỗ; không trả; không đáng; chẳng ra; hụt hẫng; ép; bắt;
khô khan; cứng nhắc; thờ ơ; lạnh nhạt; hời hợt; qua loa; chưa nhiệt; áp lực; quá nhiều; quá tải; trễ; muộn; chửi; cãi; than phiền; khiếu nại; phàn nàn; tố cáo;
kiện; hối hận; tiếc; lo; lo lắng; sợ; đau; mệt; mệt mỏi; rắc rối; rườm rà; vô lý; vô lí; bất tiện; bất công; bất hợp; khác hình; không như; không
bằng; hao pin; tụt pin; nhanh hết; vô duyên; khó nghe; khó dùng; khó khăn; sơ sài; thô; ọp ẹp; lem; nứt; hàng dỏm; dỏm; đểu; rởm; nhái; kẹt; chất lượng kém;
nhầm; quên; thất lạc; đòi; đe doạ; đe dọa; hạn chế; thiếu sót; nát; ngán; mất công; lãng phí; spam; làm phiền; tăng giá; vắng
"""
_STRONG_COMPLAINT: Final = """
tệ; quá tệ; rất tệ; tệ hại; tồi; tồi tệ; thất vọng; lừa; lừa đảo; lừa gạt; gian dối; thô lỗ; vớ vẩn; kinh; kinh khủng; khủng khiếp; tởm; ghê; phẫn
nộ; tức; tức giận; giận; điên; ngu; rác; bố láo; láo; mất dạy; khốn; vô trách; vô tâm; vô ơn; chán nản; quá chán; rất chán; dở tệ; đồ dỏm; tẩy chay; vứt; vất;
quá kém; rất kém; đáng ghét; bịp; trấn lột; ăn cướp; cướp; móc túi; ăn cắp; vãi; đéo; đếch; cmn; clgt; wtf
"""

#: Word or phrase -> strength, praise above zero.
POLARITY: Final[dict[str, float]] = {}
for _words, _strength in (
    (_WEAK_PRAISE, 0.5),
    (_WEAK_COMPLAINT, -0.3),
    (_PRAISE, 1.0),
    (_COMPLAINT, -1.0),
    (_STRONG_PRAISE, 1.6),
    (_STRONG_COMPLAINT, -1.6),
):
    POLARITY.update({" ".join(phrase.split()): _strength for phrase in _words.split(";")})

_AMBIGUOUS_BARE: Final = """
la ma lam me hu de on do mat sai lo kinh mac am xin tam ban nong nang ngan mong long chat bung gay vo hoi hac rot dut ep
bat tre so dau tiec tho nut ket nham quen doi vang giat nhan ho dung phai can nen lai van mai sao cho tra goi tien tru
cuoc hoai it thay het bi duoc kha giup ky ki nhe du cham moi hay vui ve sang sach khoe em tuoi ngot vung yeu dinh re ben
ngon gon mem min thom xinh gioi nhay phi phien thieu cu don treo ton ngu rac khon tuc gian dien vut toi lau be to thu di
mua hong bong spam like lag
"""

#: Without diacritics these are several words ("hay", "hãy") or words of English; they count with diacritics only.
AMBIGUOUS_BARE: Final = frozenset(_AMBIGUOUS_BARE.split())

_NEGATORS: Final = "không chẳng chưa đừng chả khỏi"
_STRENGTHENERS: Final = "rất quá lắm cực siêu thật"
NEGATORS: Final = frozenset(_NEGATORS.split())
STRENGTHENERS: Final = frozenset(_STRENGTHENERS.split())

#: Fast typing -> how it is written in full.
SHORTHAND: Final[dict[str, str]] = {
    short: full
    for line in """
    không: ko k kh kg khg khong hok hong hông hem hổng kô kò k0 khum khôg hk
    được: dc đc đk dk duoc đuoc đựơc dk
    với: vs voi
    vậy: v vay z zậy
    mình: mik mk minh mìn mìh
    biết: bik bít bit bjt pit
    quá: wa qa wá qá qúa
    rồi: r rùi rui oy rầu gòi òi roài
    gì: j gj
    nhân viên: nv nvien
    sản phẩm: sp spham
    khách hàng: khachhang
    chất lượng: cl clg
    điện thoại: dt đt dthoai đthoai
    số điện thoại: sdt sđt
    cũng: cx cg cug cũg
    bình thường: bt bthg bthuong
    cảm ơn: camon cảmơn cámơn
    nhiệt tình: nhiệttình
    nói: ns
    nhắn tin: nt
    làm: lm lèm
    mới: ms
    trả lời: tl trl
    giờ: h
    người: ng ngta
    nữa: nx nua
    chuyển khoản: ck
    tài khoản: tk
    thích: thik thix thíck
    yêu: iu êu
    thôi: thui thoi
    trước: trc trcc
    chương trình: ctrinh ct
    đang: đag dag
    vẫn: vẫnn
    tốt: tốtt
    đẹp: đẹpp đep
    ok: okie oke okey okê okela okla oki uki ôkê
    giao hàng: gh
    đơn hàng: đh
    khuyến mãi: km
    nhà mạng: nmang
    tin nhắn: tnhan
    chăm sóc khách hàng: cskh
    tổng đài: tđ
    hướng dẫn: hd hdan
    sinh viên: sv
    giáo viên: gv gvien
    ừ: uk uh uhm
    bây giờ: bh bgio
    như thế nào: ntn
    tại sao: ts
    luôn: lun luon
    nhưng: nhug nhưg nhg
    những: nhữg nhữngg
    lắm: lémm
    hài lòng: hl
    hàng: hàg hag
    bị: bj
    đừng: đừg
    chẳng: chảng chã
    vui: zui dui
    gửi: gởi
    """.strip().splitlines()
    for full, shorts in [line.strip().split(": ")]
    for short in shorts.split()
}

#: Abbreviations that English texts hold, too.
_ENGLISH_TOO: Final = """
k v z j r h m dt ms ck cl ct sp ts hd nt ns ng ok okie oke okey oki tk km gh sv hl uh uhm kg tl cg nua duoc bit bt pit
lun zui dui hem wa mk qa vs dc lm bh cx trc
"""

_TELLING: Final = """
khong ko hok duoc dc nhung cung minh mik nhan vien giao ngon thoai dien cua nhu voi qua luong tot nen
mua khach vay roi chua phai luon trong ngoai mang goi cuoc biet noi lau nhanh cham vong
"""

#: Words that only Vietnamese writes, also without diacritics: one of them tells the language.
TELLING: Final = frozenset(_TELLING.split()) | frozenset(SHORTHAND) - frozenset(_ENGLISH_TOO.split())

_GLAD_FACES: Final = ":) :-) :D :-D =) =)) :)) :))) :3 ;) <3 xD XD ^^ ^_^ =D :] :P ;-) :p :*"
_SAD_FACES: Final = ":( :-( =( :(( :((( =(( :'( :[ :/ :-/ -_- >:( =.= T_T T.T :| :\\"
_GLAD_EMOJI: Final = "😀😁😂😃😄😅😆😇😉😊😋😌😍😎😏😗😘😙😚😛😜🤗🤩🥰👍👌👏🙏❤💕💖💗💓💞💯🎉🌹🌷💐✨⭐🌟♥☺💋😻🙌💪🤣💙💚💛💜🧡🏆🥳🙂😸😺💝💘🫶"
_SAD_EMOJI: Final = (
    "😒😓😔😕😖😞😟😠😡😢😣😤😥😦😧😨😩😪😫😬😭😰😱😳😵😶😷🙁☹👎💔😾🤬🤮😿🙄🤦🖕💩🤢😑😐🤡😈👿🥲"
)

#: Emoji and emoticon -> strength.
EMOJI: Final[dict[str, float]] = {
    **dict.fromkeys((*_GLAD_EMOJI, *_GLAD_FACES.split()), 1.0),
    **dict.fromkeys((*_SAD_EMOJI, *_SAD_FACES.split()), -1.0),
}
